"""A project in which it is told who is in a room."""
