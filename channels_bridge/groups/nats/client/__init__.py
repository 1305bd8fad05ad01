"""A client of NATS: our own.

nats-py, the official one, gives each subscription a task and a queue: 5 KB each, and the order of
what one process sends to two subjects is lost. From a node that has gone silent it parts only once
all is written that waits for it, which is never. So the client is here: ``nats_connection`` is what
others use, ``connection_state`` what they see of it.

- Without I/O: ``nats_commands`` and ``nats_parser`` are the two directions of the protocol,
  ``nats_headers`` and ``server_info`` what is in them; ``subscriptions``, ``nats_requests`` and
  ``server_pool`` are what a connection remembers; ``nats_errors`` puts into words what goes wrong.
- ``node_socket`` is a socket, ``node_link`` a conversation with one node over it, greeted as
  ``link_options``, ``authentication`` and ``tls_files`` say, and watched by ``node_heartbeat``.
- ``reconnection`` keeps one link at a time, ``nats_traffic`` is what uses it, by way of
  ``write_queue``.

This room imports ``common`` alone.
"""
