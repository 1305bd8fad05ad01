"""Resume: a client whose connection broke goes on where it was.

The protocol is in ``migration_guide/resume_protocol.md``. A client asks for it by a parameter of
the query string; for all others nothing here is made.

- ``negotiation``: what a client asks for, taken out of the query string.
- ``tags``, ``tickets``, ``keys``: names of groups on the wire; proofs that a position was given.
- ``opening``, ``refused_handshake``: where sessions begin; handshakes that a consumer refuses.
- ``resume_session``: one connection, with its groups and their positions.
- ``places``, ``telling``: where the client is in one group; what it is told of that.
- ``attribution``, ``open_entry``: the message that is being handled, and what is sent for it.
- ``tagging_sender``: a connection's sender that puts headers before what is sent.
- ``tagged_sharing``: frames that members share, with their headers.
- ``control_messages``: the form of what the server says on its own account.
- ``own_echo``: what a client has said itself, before it was away.
- ``pulse``: heartbeats and the ends of rounds, for all sessions of a worker.
- ``resume_counters``: how many claims had which answer.

It may import ``groups``, ``groups.history``, ``groups.presence``, ``server`` and
``server.websocket``.
"""
