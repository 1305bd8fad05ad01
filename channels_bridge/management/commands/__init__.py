"""Commands of ``manage.py``: the servers, the hub, and tools for a running server."""
