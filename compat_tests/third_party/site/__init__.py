"""A project whose application comes from the environment: one module per package."""
