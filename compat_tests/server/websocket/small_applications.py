"""Applications of a few lines, and what their clients are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from channels_bridge.server.asgi_types import Event, Receive, Send
from channels_bridge.server.websocket.asgi_scope import Scope
from compat_tests.engine import DEADLINE, Engine, Script

ACCEPT = {"type": "websocket.accept"}


async def accept(receive: Receive, send: Send, **options: Any) -> None:
    """Take the connect event, and accept with these options."""
    assert (await receive())["type"] == "websocket.connect"
    await send({**ACCEPT, **options})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send back every message until the client is gone."""
    await accept(receive, send)
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


def sending(*messages: Event) -> Script:
    """An application that takes the connect event and sends these."""

    async def body(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return Script(body)


async def status_of(engine: Engine, **options: Any) -> Response:
    """Open a WebSocket that is refused; returns the response."""
    with pytest.raises(InvalidStatus) as raised:
        async with engine.connect(**options):
            pass
    return raised.value.response


async def close_of(websocket: ClientConnection) -> Close | None:
    """Wait for the end of a connection; returns the server's close frame, None if it sent none."""
    with pytest.raises(ConnectionClosed) as raised:
        await asyncio.wait_for(websocket.recv(), DEADLINE)
    return raised.value.rcvd
