"""WebSocket connections: RFC 6455 on one side, an ASGI application on the other.

One connection is one object, ``connection``, with parts. It has the state (``lifecycle``), and the
parts tell each other what happens by way of it.

A message comes in from the event loop, which calls ``connection``:

- ``flow_control``: holds back what was read while the application is behind (backpressure).
- ``receiver``: frames to messages: reassembly (``assembler``), decompression, control frames, the
  closing handshake. ``fast_path`` takes messages of one frame past ``websockets``.
- ``client_limits``: rate limit and idle timeout.
- ``inbox``: the bounded queue that the application receives from, with group messages.

A message goes out from the application, which calls ``connection.send``:

- ``sender``: messages to frames, of the event loop and of other threads. ``frames`` builds each
  frame once for all connections that are sent the same, and compresses it (permessage-deflate).
- ``writer``: joins writes, and is what ``send`` waits for while the client does not read
  (backpressure); ``write_timeout`` ends that.

A connection begins with ``handshake``, until it is decided: ``request_checks`` reads the request,
``asgi_scope`` describes it to the application, ``responses`` has what is answered. It is kept by
``keepalive``, one timer for all connections of a worker. ``context`` is what those share;
``protocol_logger`` keeps what clients send out of the log.
"""
