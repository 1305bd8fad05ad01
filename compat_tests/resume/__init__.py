"""Resuming, from outside: the protocol as a client sees it, and what is left of it under faults."""
