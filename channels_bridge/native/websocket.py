"""One WebSocket connection, as native middlewares and consumers see it.

The states follow each other from left to right, and change only in this file::

    CONNECTING --accept()--> OPEN --close()----------> CLOSED
        |                      '---the client leaves--> LEFT
        '---reject() or close()--> CLOSED
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from channels_bridge.exceptions import BridgeError
from channels_bridge.resume.resume_session import ResumeSession
from channels_bridge.runloop.fed_inbox import FedInbox
from channels_bridge.server.websocket.inbox import Inbox

#: An ASGI event.
Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[Message]]

#: Close codes of RFC 6455, section 7.4.1; 1006: the connection ended without a close frame.
NO_CLOSE_FRAME = 1006
POLICY_VIOLATION = 1008


class State(enum.Enum):
    """The states of a connection."""

    CONNECTING = "the handshake is not answered yet"
    OPEN = "it is open"
    CLOSED = "the server has closed or rejected it"
    LEFT = "the client has closed it or was lost"


class WebSocketClosed(BridgeError):
    """The connection is used after the server has closed it: a mistake in the calling code.

    Attributes:
        action: the attempted call.
        state: the connection's state at that moment.
    """

    def __init__(self, action: str, state: State) -> None:
        super().__init__(f"cannot {action} this WebSocket: {state.value}")
        self.action = action
        self.state = state


class WebSocket:
    """A connection over ASGI.

    Messages are sent in the order of the calls. What is sent after the client has left is dropped
    without an error: only ``next_event()`` tells that the client is gone.

    Args:
        scope: the ASGI scope; a copy is made, which middlewares add to.
        inbox: where the connection's events and the layer's messages arrive.
        send: ASGI's ``send``.
    """

    def __init__(self, scope: MutableMapping[str, Any], inbox: Inbox, send: Send) -> None:
        self.scope: dict[str, Any] = dict(scope)
        self.inbox = inbox
        #: What is read: the inbox, with a feed where groups have history.
        self.reader: Inbox | FedInbox = inbox
        #: This connection's address on its consumer's layer; None where it has none.
        self.channel_name: str | None = None
        self.state = State.CONNECTING
        #: The code that the connection ended with; 1006 while open, and after a rejection.
        self.close_code = NO_CLOSE_FRAME
        #: The handler that a middleware found for this connection, or None.
        self.handler: Callable[[WebSocket], Awaitable[None]] | None = None
        #: Where its client speaks the protocol of ``resume``: what that is told of positions.
        self.session: ResumeSession | None = None
        self._send = send

    async def next_event(self) -> Message:
        """Wait for the next ASGI event or layer message, in order of arrival."""
        event = await self.reader.get()
        if event["type"] == "websocket.disconnect" and self.state is not State.CLOSED:
            self.state = State.LEFT
            self.close_code = event.get("code", NO_CLOSE_FRAME)
        return event

    async def accept(
        self, subprotocol: str | None = None, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Complete the handshake.

        Args:
            subprotocol: one of those that the client offers in ``scope["subprotocols"]``.
            headers: added to the response; names in lower case.

        Raises:
            WebSocketClosed: it has been accepted, rejected or closed already.
        """
        if self.state is not State.CONNECTING:
            raise WebSocketClosed("accept", self.state)
        self.state = State.OPEN
        await self._emit(
            {"type": "websocket.accept", "subprotocol": subprotocol, "headers": list(headers)}
        )

    async def send(self, data: str | bytes) -> None:
        """Send one message: a text frame for a str, a binary frame for bytes.

        A connection that isn't accepted yet is accepted first.

        Raises:
            TypeError: ``data`` is neither.
            WebSocketClosed: the server has closed the connection.
        """
        if not isinstance(data, str | bytes):
            raise TypeError(f"a WebSocket sends str or bytes, not {type(data).__name__}")
        if self.state is State.CLOSED:
            raise WebSocketClosed("send on", self.state)
        if self.state is State.CONNECTING:
            await self.accept()
        await self._emit(
            {"type": "websocket.send", ("text" if isinstance(data, str) else "bytes"): data}
        )

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; before it is accepted, answer the handshake with HTTP 403.

        A second call does nothing.
        """
        if self.state is State.OPEN:
            self.close_code = code
        if self.state in (State.OPEN, State.CONNECTING):
            self.state = State.CLOSED
            await self._emit({"type": "websocket.close", "code": code, "reason": reason})

    async def reject(self, status: int = 403, text: str = "") -> None:
        """Answer the handshake with an HTTP error; an open connection is closed with 1008.

        Servers that cannot send denial responses (ASGI's ``websocket.http.response``) say 403
        whatever the status.
        """
        if self.state is not State.CONNECTING:
            await self.close(POLICY_VIOLATION, text)
        elif "websocket.http.response" in self.scope.get("extensions", {}):
            self.state = State.CLOSED
            await self._deny(status, text.encode())
        else:
            await self.close()

    def look_at_decision(self, decide: Callable[[Message], Iterable[Message]]) -> None:
        """Have what is sent next, which decides on the handshake, replaced by what is returned."""
        send = self._send

        async def send_first(message: Message) -> None:
            self._send = send
            for instead in decide(message):
                await send(instead)

        self._send = send_first

    async def _deny(self, status: int, body: bytes) -> None:
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        await self._emit(
            {"type": "websocket.http.response.start", "status": status, "headers": headers}
        )
        await self._emit({"type": "websocket.http.response.body", "body": body})

    async def _emit(self, message: Message) -> None:
        # ASGI: sending to a client that has left may raise an OSError. The disconnect event is in
        # the inbox or on its way there, so the caller learns of it anyway.
        with contextlib.suppress(OSError):
            if self.state is not State.LEFT:
                await self._send(message)
