"""The engine in one process, without supervisor and workers: for ``runserver`` and for tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from functools import partial

from .access import AccessLog
from .bind import BACKLOG
from .config import ServerConfig
from .context import Application, Context
from .dispatch import FirstRequest
from .http import make_http_protocol
from .lifespan import Lifespan
from .worker import shutdown


async def serve(
    application: Application,
    sockets: Iterable[socket.socket],
    config: ServerConfig,
    *,
    ready: Callable[[], None],
    stop: asyncio.Event,
    access: AccessLog | None = None,
) -> None:
    """Serve an application until ``stop`` is set, then end all connections as a worker does.

    Args:
        application: what serves connections, and speaks the lifespan protocol if it can.
        sockets: bound TCP sockets; they are closed at the end, whatever happens.
        config: the limits. ``application``, ``binds`` and ``workers`` have no meaning here.
        ready: called once, as soon as connections are accepted.
        stop: set it in the loop that this runs in.
        access: writes the access lines, if not as ``websockets_server`` does.

    Raises:
        StartupError: the application's lifespan startup failed.
    """
    loop = asyncio.get_running_loop()
    sockets = tuple(sockets)
    servers = []
    try:
        lifespan = Lifespan(application)
        await lifespan.startup()
        context = Context(application, config, lifespan.state, on_lost=lambda: None, access=access)
        factory = partial(FirstRequest, context, make_http_protocol(context))
        for sock in sockets:
            servers.append(await loop.create_server(factory, sock=sock, backlog=BACKLOG))
        ready()
        await stop.wait()
    finally:
        for server in servers:
            server.close()
        for sock in sockets:
            sock.close()
    await shutdown(context)
    await lifespan.shutdown()
