"""A process' side of the gRPC transport.

- ``grpc_transport`` is the transport that a node asks; it waits for answers, and says why none
  comes.
- ``client`` is the conversation with the hub, without I/O: requests, subscriptions, pulls,
  deliveries.
- ``link`` connects it to the hub, again and again, and notices where there is none.
- ``grpc_history_transport`` and ``history_client`` are the two for groups with history; ``appends``
  are the messages that wait for their numbers; ``left_history`` tells whether clients may come back
  for them where no hub is.
- ``blocking_client`` is another conversation, of threads without an event loop, which only publish:
  over a ``blocking_stream``.
- ``hub_advice`` says what to do where there is no answer.

It imports ``groups`` and its rooms ``grpc``, ``discovery`` and ``home``, and nothing of the hub's
side.
"""
