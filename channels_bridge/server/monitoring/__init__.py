"""Monitoring, served by the supervisor: metrics, health checks and the control socket.

- ``census``: the server's processes, and their counters added up.
- ``pages``, ``metrics``, ``health``: the pages of ``--metrics``, which ``endpoint`` serves.
- ``descriptions``: names, labels and help texts of metrics.
- ``status``: what ``manage.py websockets_status`` shows; ``control_socket`` is where it asks, and
  ``connection_answers`` what it is told of single connections.
- ``streams``: short conversations with clients, under limits; for both.

It may import ``common``, ``server`` and ``server.child``.
"""
