"""A chat that says what became of each message."""
