"""What a supervisor and its child processes have in common, workers and hubs alike.

- ``main``: what each child process runs: signals, the event loop, the report when it can't start.
- ``heartbeat``: the sign of life that a child's event loop gives.

There are four lines between the two, each with a protocol of its own, as none can do another's
work:

- ``pipe``: a socket pair; bytes, and file descriptors beside them. The way of connections to a
  worker, and of reports (ready, stopping, heartbeat, ...) to the supervisor. It is apart since a
  descriptor goes along with one byte (SCM_RIGHTS) and must not wait behind an answer, and its
  end-of-file says that all connections have been taken.
- ``questions``: a socket pair; lines of JSON. The supervisor asks for figures, and the child's
  event loop answers when it comes to it: late, or never, which the supervisor does not wait for.
- ``tracebacks``: a pipe into which the child's signal handler writes. For a child whose event loop
  is stuck, so that it could answer nothing else; the handler can write plain text only.
- ``admission_link``: a socket file; an address with a sign in front, and a letter as the answer.
  The other way round: workers ask, once in each handshake, which waits for the answer. On
  ``questions``, where the supervisor asks and an answer may be left out, both ends would need the
  other one's part, and the one supervisor would read and write JSON in each handshake.

The room stands on ``server`` and ``common``; it knows no protocol that clients speak.
"""
