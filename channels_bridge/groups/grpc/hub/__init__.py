"""The hub's side of the gRPC transport: the process that joins the others.

- ``hub`` serves streams, at an address that ``listener`` opens and guards.
- ``exchange`` is the conversation, without I/O: it forwards what processes publish; ``session`` is
  what it knows of one of them.
- ``sequencer`` numbers what is published with history, and sends logs; ``history_file`` has their
  journal on disk; ``queue_desk`` hands out what waits in named queues.
- ``hub_lock`` has the lock, the socket and the roster on disk; ``recovery`` waits for the
  processes of a hub that was killed; ``uptime`` is the clock for patience with others.

It imports ``groups`` and its rooms ``grpc`` and ``discovery``, and nothing of a process' side.
"""
