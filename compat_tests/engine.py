"""An engine in the test's own loop: one application, no supervisor, no Django.

The fixture ``serve`` is for ``conftest.py`` files to import.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from ssl import SSLContext
from typing import Any

import pytest
from websockets.asyncio.client import connect

from channels_bridge.server.asgi_types import Application, Event, Receive, Send
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.http.first_request import make_protocol_factory
from channels_bridge.server.websocket.asgi_scope import Scope
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.worker.serving import shutdown
from compat_tests.clients.raw_connection import DEADLINE, RawConnection


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what has no event to wait for."""
    for _ in range(1000 * DEADLINE):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("in vain")


async def read_body(receive: Receive) -> bytes | None:
    """The body of a page's request; None if the client has left before its end."""
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        body, more = body + event["body"], event["more_body"]
    return body


class Engine:
    """Serves an application on a free port of 127.0.0.1."""

    def __init__(
        self, application: Application, ssl: SSLContext | None = None, **options: Any
    ) -> None:
        self.ssl = ssl
        self.config = ServerConfig(application="", **{"shutdown_timeout": 2, **options})
        self.lost = 0
        self.raw: list[RawConnection] = []
        self.context = Context(application, self.config, {"from": "lifespan"}, self._count)

    def _count(self) -> None:
        self.lost += 1

    async def start(self) -> None:
        """Listen; the port is known from then on."""
        factory = make_protocol_factory(self.context)
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(factory, "127.0.0.1", 0, ssl=self.ssl)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.close()
        await shutdown(self.context)

    async def idle(self) -> None:
        """Wait until every application has returned."""
        while self.context.tasks:
            _, running = await asyncio.wait(self.context.tasks, timeout=DEADLINE)
            assert not running

    def connect(self, path: str = "/", **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    async def open(self, data: bytes = b"") -> RawConnection:
        """A bare connection, for what a well-behaved client never sends; the fixture closes it."""
        client = await RawConnection(f"127.0.0.1:{self.port}").open()
        self.raw.append(client)
        client.write(data)
        return client

    async def request(self, data: bytes) -> bytes:
        """Send bytes, and read until the server closes."""
        async with RawConnection(f"127.0.0.1:{self.port}") as client:
            return await client.request(data)

    async def close(self) -> None:
        """Have everybody leave, and stop."""
        for client in self.raw:
            await client.close()
        await self.stop()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Engine]]]:
    """Start engines; they are shut down at the end, and no connection may be left then."""
    engines: list[Engine] = []

    async def start(application: Application, **options: Any) -> Engine:
        engine = Engine(application, **options)
        await engine.start()
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        await engine.close()
        assert not engine.context.tasks
        assert not engine.context.connections


class Script:
    """An application that runs one coroutine function and records what it was given."""

    def __init__(self, body: Application) -> None:
        self.body = body
        self.events: list[Event] = []
        self.scope: Scope | None = None
        self.done = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope

        async def recording() -> Event:
            event = await receive()
            self.events.append(event)
            return event

        try:
            await self.body(scope, recording, send)
        finally:
            self.done.set()

    async def finished(self) -> list[Event]:
        await asyncio.wait_for(self.done.wait(), DEADLINE)
        return self.events
