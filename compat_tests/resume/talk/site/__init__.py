"""Rooms in which a script is said."""
