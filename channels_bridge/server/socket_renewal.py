"""Renewal of unix sockets whose files were removed.

What cleans ``/tmp`` of old files may do that, or a person.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from channels_bridge.server.listening_socket import Listener

#: Seconds between two looks.
INTERVAL = 2.0

#: Begins to serve a listening socket.
Serve = Callable[[socket.socket], Awaitable[asyncio.Server]]


@contextlib.asynccontextmanager
async def serving_always(listeners: Sequence[Listener], serve: Serve) -> AsyncIterator[None]:
    """Serve listeners until the block ends; sockets whose files are removed are made again.

    They are closed then.
    """
    servers = [await serve(listener.sock) for listener in listeners]
    keeping = asyncio.create_task(_keep(listeners, servers, serve))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        for server in servers:
            server.close()
        for listener in listeners:
            listener.close()


async def _keep(listeners: Sequence[Listener], servers: list[asyncio.Server], serve: Serve) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        for number, listener in enumerate(listeners):
            if listener.restore():
                servers[number].close()
                servers[number] = await serve(listener.sock)
