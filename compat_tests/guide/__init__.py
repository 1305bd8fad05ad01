"""What the guide shows is run: configuration of other programs, the site, texts of messages."""
