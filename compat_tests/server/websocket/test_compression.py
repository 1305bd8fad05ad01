"""Compression of messages (permessage-deflate)."""

from __future__ import annotations

import pytest

from compat_tests.engine import Script
from compat_tests.server.websocket.small_applications import (
    close_of,
    echo,
)


@pytest.mark.parametrize("size", [100, 5000])
async def test_compression(serve, size):
    """A client that offers compression gets and may send compressed messages, each by itself."""
    engine = await serve(Script(echo))
    async with engine.connect(compression="deflate") as websocket:
        offer = websocket.response.headers["Sec-WebSocket-Extensions"]
        assert "server_no_context_takeover" in offer
        assert "client_no_context_takeover" in offer
        for message in ("a" * size, "b" * size, b"c" * size, "a" * size):
            await websocket.send(message)
            assert await websocket.recv() == message


async def test_no_compression(serve):
    """Compression can be turned off; a client that doesn't offer it goes without."""
    engine = await serve(Script(echo), compression=False)
    async with engine.connect(compression="deflate") as websocket:
        assert "Sec-WebSocket-Extensions" not in websocket.response.headers
    engine = await serve(Script(echo))
    async with engine.connect(compression=None) as websocket:
        assert "Sec-WebSocket-Extensions" not in websocket.response.headers


async def test_decompressed_size_is_limited(serve):
    """A small frame that would inflate beyond the limit is refused with 1009 (a "zip bomb")."""
    engine = await serve(Script(echo), max_message_size=10_000)
    async with engine.connect(compression="deflate") as websocket:
        await websocket.send("x" * 1_000_000)
        assert (await close_of(websocket)).code == 1009
