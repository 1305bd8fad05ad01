"""A node that does what a test wants, which real ones seldom do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def fake_node(serve: Serve) -> AsyncIterator[str]:
    """Accept connections, let ``serve`` talk to each, and yield the URL."""
    ends: list[asyncio.Task[None]] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ends.append(task)
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for task in ends:
        task.cancel()
    await asyncio.gather(*ends, return_exceptions=True)


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, info: str = "") -> None:
    """Greet a client, as a node does."""
    writer.write(f"INFO {{{info}}}\r\n".encode())
    await reader.readuntil(b"PING\r\n")
    writer.write(b"PONG\r\n")
