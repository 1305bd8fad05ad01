"""Native handlers on a connection of ``websockets.serve()``, without our server.

The library has completed the handshake by then, so a rejection is close code 1008 instead of HTTP
403 (RFC 6455, section 7.4.1: policy violation), unless the application names another code.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

from django.apps import apps
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from channels_bridge.native.inbox_feed import open_inbox
from channels_bridge.native.native_application import (
    CallNext,
    middleware_classes,
    run_handler,
    stack,
)
from channels_bridge.native.websocket import NO_CLOSE_FRAME, POLICY_VIOLATION, Message, WebSocket
from channels_bridge.server.websocket.asgi_scope import build_scope


async def serve_plain(
    connection: ServerConnection, handler: Callable[[WebSocket], Awaitable[None]]
) -> None:
    """Run ``handler`` over the connection, below the project's middlewares.

    Routing is left out, as the handler is known. Before ``django.setup()`` there are no
    middlewares at all, and the scope has ASGI's keys only.
    """
    plain = PlainConnection(connection)
    async with open_inbox(plain.scope, plain.receive) as inbox:
        websocket = WebSocket(plain.scope, inbox, plain.send)
        websocket.handler = handler
        handle = _middlewares() if apps.ready else run_handler
        await handle(websocket)


@functools.cache
def _middlewares() -> CallNext:
    """Build the project's middlewares but for the router, once per process."""
    return stack(
        [cls() for cls in middleware_classes() if getattr(cls, "routes", None) is not True]
    )


class PlainConnection:
    """ASGI's scope, receive and send over a connection of ``websockets``.

    A denial has no HTTP status here, so the scope does not offer denial responses.
    """

    def __init__(self, connection: ServerConnection) -> None:
        assert connection.request is not None, "the handshake is over when a handler runs"
        self.scope = build_scope(connection.request, connection.transport)
        self._connection = connection
        self._accepted = False

    async def receive(self) -> Message:
        """Wait for a message; the end of the connection is an event with its close code."""
        try:
            data = await self._connection.recv()
        except ConnectionClosed as closed:
            code = NO_CLOSE_FRAME if closed.rcvd is None else closed.rcvd.code
            return {"type": "websocket.disconnect", "code": code}
        return {"type": "websocket.receive", ("text" if isinstance(data, str) else "bytes"): data}

    async def send(self, message: Message) -> None:
        """Do what an ASGI event says.

        Raises:
            ConnectionResetError: the client has left.
        """
        handle = {
            "websocket.accept": self._accept,
            "websocket.send": self._send,
            "websocket.close": self._close,
        }[message["type"]]
        await handle(message)

    async def _accept(self, message: Message) -> None:
        self._accepted = True

    async def _send(self, message: Message) -> None:
        data: str | bytes = message["text"] if "text" in message else message["bytes"]
        try:
            await self._connection.send(data)
        except ConnectionClosed as closed:
            raise ConnectionResetError("the client has left") from closed

    async def _close(self, message: Message) -> None:
        code: int = message.get("code", 1000)
        if not self._accepted and code == 1000:
            code = POLICY_VIOLATION
        await self._connection.close(code, message.get("reason", ""))
