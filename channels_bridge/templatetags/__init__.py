"""Template tags: ``{% load channels_bridge %}``."""
