"""Short conversations with clients of the supervisor: monitoring, and commands of ``manage.py``."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from channels_bridge.common.forks import keep_from_children
from channels_bridge.server.listening_socket import Listener
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
    conversations = _Conversations(converse)

    async def listen(sock: socket.socket) -> asyncio.Server:
        keep_from_children(sock)
        return await asyncio.start_server(conversations.start, sock=sock, limit=limit)

    try:
        async with serving_always(listeners, listen):
            yield
    finally:
        await conversations.stop()


class _Conversations:
    def __init__(self, converse: Converse) -> None:
        self._converse = converse
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin a conversation, in a task that can be ended: one of asyncio's could not."""
        task = asyncio.create_task(self._have(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _have(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(self._tasks) <= MAX_CONNECTIONS:
                await self._converse(reader, writer)
        except (OSError, EOFError, asyncio.TimeoutError):
            writer.transport.abort()
        finally:
            await _close(writer)

    async def stop(self) -> None:
        """End all conversations."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), LINGER)
    except (OSError, asyncio.TimeoutError):
        writer.transport.abort()
