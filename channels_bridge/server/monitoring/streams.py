"""Short conversations with clients of the supervisor: monitoring, and commands of ``manage.py``."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from channels_bridge.common.forks import keep_from_children
from channels_bridge.server.bind import Listener
from channels_bridge.server.socket_renewal import serving_always

#: Connections at a time; further ones are closed at once.
MAX_CONNECTIONS = 32

#: Seconds for a client to take what was sent last.
LINGER = 1.0

#: Has one conversation. It may raise what reading raises: the client is gone, or too slow.
Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving_streams(
    listeners: Sequence[Listener], converse: Converse, *, limit: int
) -> AsyncIterator[None]:
    """Converse with those who connect; conversations end with the block, and listeners close.

    Args:
        limit: bytes that are read before they are asked for.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(tasks) <= MAX_CONNECTIONS:
                await converse(reader, writer)
        except (OSError, EOFError, asyncio.TimeoutError):
            writer.transport.abort()
        finally:
            await _close(writer)

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def listen(sock: socket.socket) -> asyncio.Server:
        keep_from_children(sock)
        return await asyncio.start_server(start, sock=sock, limit=limit)

    try:
        async with serving_always(listeners, listen):
            yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), LINGER)
    except (OSError, asyncio.TimeoutError):
        writer.transport.abort()
