"""Resume: a client whose connection broke goes on where it was.

The protocol is in ``migration_guide/resume_protocol.md``. A client asks for it by a parameter of
the query string; for all others nothing here is made.

- ``negotiation``: what a client asks for, taken out of the query string.
- ``tags``, ``tickets``, ``keys``: names of groups on the wire; proofs that a position was given.
- ``resume_counters``: how many claims had which answer.

It may import ``groups.history``, ``server`` and ``server.websocket``.
"""
