"""The engine in one process, without a supervisor: for ``runserver`` and for tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.unix_sockets import BACKLOG
from channels_bridge.server.access_log import AccessLog
from channels_bridge.server.asgi_types import Application
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.http.first_request import make_protocol_factory
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.worker.serving import serving
from channels_bridge.server.worker.status_report import Report


async def serve(
    application: Application,
    sockets: Iterable[socket.socket],
    config: ServerConfig,
    *,
    ready: Callable[[], None],
    stop: asyncio.Event,
    access: AccessLog | None = None,
    report: Report | None = None,
) -> None:
    """Serve an application until ``stop`` is set, then end all connections as a worker does.

    Args:
        application: what serves connections, and speaks the lifespan protocol if it can.
        sockets: bound TCP sockets; they are closed at the end, whatever happens.
        config: the limits. ``application``, ``binds`` and ``workers`` have no meaning here.
        ready: called once, as soon as connections are accepted.
        stop: set it in the loop that this runs in.
        access: writes the access lines, if not as ``websockets_server`` does.
        report: is to be told of the connections.

    Raises:
        StartupError: the application's lifespan startup failed.
    """
    with ExitStack() as listening:
        sockets = [listening.enter_context(sock) for sock in sockets]
        keep_from_children(*sockets)
        async with serving(application, config, access=access) as context:
            if report is not None:
                report.context = context
            try:
                await _listen(sockets, context, listening)
                ready()
                await stop.wait()
            finally:
                listening.close()  # accept nothing more while connections end


async def _listen(sockets: Iterable[socket.socket], context: Context, listening: ExitStack) -> None:
    """Accept connections on each socket, until the stack is closed."""
    loop = asyncio.get_running_loop()
    factory = make_protocol_factory(context)
    for sock in sockets:
        server = await loop.create_server(factory, sock=sock, backlog=BACKLOG)
        listening.callback(server.close)
