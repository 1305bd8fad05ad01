"""Child processes, workers and hubs alike, and the four lines between them and the supervisor.

- ``main``: what each child process runs: signals, the event loop, the report when it can't start.
- ``heartbeat``: the sign of life that a child's event loop gives.

Each line has a protocol of its own, as none can do another one's work:

- ``pipe``: a socket pair; single bytes, some with a file descriptor. Connections go to the worker
  on it, and reports (ready, stopping, heartbeat, ...) to the supervisor. A descriptor is passed
  along with one byte (SCM_RIGHTS), and must not wait behind the text of a question; and the
  end-of-file tells a worker that it has taken all connections.
- ``questions``: a socket pair; lines of JSON. The supervisor asks for figures, and the child's
  event loop answers when it comes to it: late, or never, which the supervisor does not wait for.
- ``tracebacks``: a pipe that the child's signal handler writes plain text to. It works while the
  child's event loop is stuck, and could neither read a question nor answer it.
- ``admission_link``: a socket file; an address with a sign in front, and a letter as the answer.
  The other way round: workers ask, once in each handshake, which waits for the answer. On
  ``questions``, where the supervisor asks and an answer may be left out, both ends would need the
  other one's part, and the one supervisor would read and write JSON in each handshake.

The room stands on ``server`` and ``common``; it knows no protocol that clients speak.
"""
