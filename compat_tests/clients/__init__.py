"""WebSocket clients for tests and harnesses, where those of ``websockets`` are too well-behaved.

- ``raw_bytes``: handshakes and frames as bytes, also such as no client should send.
- ``raw_connection``: a TCP or unix connection that carries them, with a deadline for each answer.
- ``dialogue``: what a server's bytes say, read by the sans-I/O protocol of ``websockets``.
- ``json_client``: a client that reads in the background until its connection ends.

Where thousands of clients are needed, as in ``compat_tests.soak``, they are those of
``channels_bridge.bench.generator``.
"""
