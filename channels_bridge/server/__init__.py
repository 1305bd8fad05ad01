"""The engine: sockets on one side, an ASGI application on the other.

It imports no Django, no Channels and no gRPC, so that it serves any ASGI application and is tested
without them. What it asks of the rest of the package is passed in: functions by their dotted names
in ``config``, metrics as a table. One supervisor process accepts connections and passes each to the
worker process that has the fewest; a worker speaks WebSocket and HTTP on it.

- ``supervisor``: starts, watches and replaces child processes; accepts connections.
- ``child``: what each child process is, and the four lines between it and the supervisor.
- ``worker``: a child process that serves: its start, its report, its end.
- ``websocket``, ``http``: one connection, from its first byte to its last.
- ``monitoring``: metrics, health checks and the control socket, served by the supervisor.

Directly in here is what several of these use:

- ``config``: all options, validated; ``errors``: why a server can't start.
- ``bind``, ``listen``, ``listening_socket``, ``socket_renewal``: addresses, and sockets for them.
- ``tls``, ``proxy``: certificates, and the web server in front.
- ``access_log``, ``access_format``, ``debugging``: log lines, and what they never say.
- ``admission``, ``token_bucket``: limits per client address.
- ``counters``, ``calls_from_threads``: what happened in a process; the way into its event loop.
- ``connection_order``: the orders that connections are listed in.
- ``worker_identity``, ``optional_packages``, ``asgi_types``: what is left.

It may import ``common``.
"""

from __future__ import annotations

from channels_bridge.server.worker_identity import current_worker

__all__ = ["current_worker"]
