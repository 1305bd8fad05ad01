"""
The transport over gRPC: processes of one machine, joined by a hub.

::

    layer - transport - client  ~~ stream ~~  session - exchange
                          |                      |
                         link                   hub

Each process keeps one bidirectional stream to the hub; every write is a batch of the frames that
were waiting (``frames``, ``outbox``; the format is in ``../wire/v1/groups.proto``).

``client`` is the process' side of the conversation and ``exchange`` the hub's: plain objects
without I/O. ``link`` keeps the client's stream open, ``hub`` serves streams. ``stream`` is what
both need of gRPC; ``relay`` and ``relayed`` replace it in a forked process, where gRPC must not be
used.

What is promised, and how:

- Each request carries a number. The hub answers it when it is done, which for a publication means
  that all subscribed processes have handled it. What isn't answered is sent again, in order, after
  a reconnect.
- The hub and the receivers keep the highest number they saw of each sender (``marks``) and ignore
  what isn't higher: so nothing arrives twice.
- The hub keeps what a process hasn't handled yet, and sends it again when that process reconnects
  soon. It forgets a process that stays away for longer than a moment.
- A process tells everything it wants with its first frame. A restarted hub so knows as much as the
  one before, but for what waited in named queues, which is lost. It forwards nothing before the
  processes that were receiving are back.
"""

import os

# Read when gRPC is imported, which happens below this package. gRPC's own support for forking can't
# work while a stream is open, but prints a line at each fork to say so; see ``relayed`` for ours.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
