"""The hub's side of the gRPC transport: the process that joins the others.

- ``hub`` serves streams, at an address that ``listener`` opens and guards.
- ``exchange`` is the conversation, without I/O: it forwards what processes publish; ``session`` is
  what it knows of one of them.
- ``hub_lock`` has the lock, the socket and the roster on disk; ``recovery`` waits for the
  processes of a hub that was killed; ``uptime`` is the clock for patience with others.

It imports ``groups`` and its rooms ``grpc`` and ``discovery``, and nothing of a process' side.
"""
