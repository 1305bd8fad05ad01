"""Counters of the engine, for those who watch it."""

from __future__ import annotations

import asyncio

from websockets.frames import Opcode

from compat_tests.clients.raw_bytes import HANDSHAKE, frame
from compat_tests.engine import DEADLINE, Script
from compat_tests.server.websocket.small_applications import echo, sending, status_of


async def test_connections_and_messages(serve):
    """Connections that are open, messages in both directions, and ends by their code."""
    app = Script(echo)
    engine = await serve(app)
    counters = engine.context.counters
    async with engine.connect() as websocket:
        for _ in range(3):
            await websocket.send("a")
            await websocket.recv()
        assert counters.open == 1
        await websocket.close(4321)
    await app.finished()
    assert (counters.open, counters.received, counters.sent) == (0, 3, 3)
    assert counters.handshakes == {101: 1}
    assert counters.closed == {4321: 1}


async def test_handshakes(serve):
    """Handshakes count by the status that they were answered, unreadable ones apart."""
    engine = await serve(sending({"type": "websocket.close"}))
    counters = engine.context.counters
    await status_of(engine)
    await engine.request(HANDSHAKE.replace(b"Version: 13", b"Version: 12"))
    await engine.request(HANDSHAKE.replace(b"localhost", b"localhost\r\nno colon"))
    await engine.request(b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000)
    assert counters.handshakes == {403: 1, 400: 1}
    assert counters.refused == {400: 1, 431: 1}
    assert counters.open == 0


async def test_clients_that_leave(serve):
    """A client that does not wait for the decision counts as nginx counts it: 499."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def undecided(scope, receive, send):
        await receive()
        asked.set()
        await receive()
        left.set()

    engine = await serve(Script(undecided))
    client = await engine.open(HANDSHAKE + frame(Opcode.TEXT, b"hasty"))
    await asyncio.wait_for(asked.wait(), DEADLINE)
    client.abort()
    await asyncio.wait_for(left.wait(), DEADLINE)
    assert engine.context.counters.handshakes == {499: 1}
    assert engine.context.counters.closed == {}
