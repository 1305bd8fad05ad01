"""A project whose staff look after its connections."""
