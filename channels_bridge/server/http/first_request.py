"""Protocol detection: the first request of a connection is a WebSocket handshake, or HTTP.

The head of the request is read here, under a limit of time and size, and the transport handed to
the protocol that speaks it, together with what was read.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import cast

from channels_bridge.server.access_log import client_name
from channels_bridge.server.http.protocol_factory import ProtocolFactory, make_http_protocol
from channels_bridge.server.http.refusal import Refusal
from channels_bridge.server.websocket.asgi_scope import peer_address
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.request_checks import Unreadable, read_handshake

# Enough to tell a request from what is not HTTP.
_METHOD = re.compile(rb"[A-Z-]{1,20}( |\Z)")
# Only a hint: the protocol that gets the head checks it whole, as one with two Upgrade headers.
_UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"

#: The first byte of a TLS handshake (RFC 8446, 5.1), and what is said of one.
_TLS = b"\x16"
_SPEAKS_TLS = (
    "it begins TLS, which is not spoken here: let clients write ws:// or http://, start with "
    "--ssl-certfile, or let the proxy in front pass plain HTTP on"
)


def make_protocol_factory(context: Context) -> Callable[[], asyncio.Protocol]:
    """A factory of the protocol that each new connection of a context begins with."""
    return partial(FirstRequest, context, make_http_protocol(context))


class FirstRequest(asyncio.Protocol):
    """Reads one request head.

    What the client sees: 408 when the head isn't complete in time (nothing when it has sent
    nothing), 431 when it is too large, 400 where it begins TLS; other garbage goes to HTTP, which
    answers 400. A connection beyond ``max_connections`` is answered 503 at once, so that it can't
    hold on to what there is too little of.
    """

    lasting = True

    def __init__(self, context: Context, http: ProtocolFactory) -> None:
        self.context = context
        self.http = http
        self.head = bytearray()
        self.transport: asyncio.Transport
        self._timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection and start the time limit, or turn it away where there are enough."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self.context.entered(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.context.config.handshake_timeout, self._overdue)
        if self.context.is_full and not self.context.make_room():
            self._turn_away()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self.context.lost(self)

    def data_received(self, data: bytes) -> None:
        """Decide who gets the connection, once the head is complete or can't become one."""
        self.head += data
        while self.head.startswith(b"\r\n"):  # to be ignored (RFC 9112, 2.2)
            del self.head[:2]
        if not self.head:
            return
        # Searched from the start each time: a head has 64 KiB at most, and mostly comes at once.
        end = self.head.find(_END_OF_HEAD)
        if self.head.startswith(_TLS):
            self._refuse(HTTPStatus.BAD_REQUEST, _SPEAKS_TLS)
        elif not _METHOD.match(self.head[:21]):
            self._hand_over()
        elif (end if end >= 0 else len(self.head)) > self.context.config.max_head_size:
            self._refuse_large()
        elif end >= 0:
            self._decide(end + len(_END_OF_HEAD))

    def shutdown(self) -> None:
        # In a reload another worker takes new connections, and this one has time for those it has.
        if not self.context.finishes_handshakes:
            self.transport.close()

    def _decide(self, size: int) -> None:
        if _UPGRADE.search(self.head, 0, size):
            self._open_websocket(size)
        else:
            self._hand_over()

    def _open_websocket(self, size: int) -> None:
        try:
            request = read_handshake(bytes(self.head[:size]))
        except Unreadable as reason:
            self._refuse(reason.status, reason.why)
            return
        self._leave()
        connection = WebSocketConnection(self.context)
        connection.take_over(self.transport, request, bytes(self.head[size:]))

    def _hand_over(self) -> None:
        """Give the transport to HTTP, with what was read."""
        self._leave()
        protocol = self.http()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(bytes(self.head))

    def _leave(self) -> None:
        self._timer.cancel()
        self.context.left(self)

    def _turn_away(self) -> None:
        limit = self.context.config.max_connections
        self.context.notices.warn(
            "max_connections",
            "a connection from [%s] is refused: %d are open, the limit (--max-connections)",
            client_name(peer_address(self.transport)),
            limit,
        )
        if self.context.is_overrun:  # even an answer costs a connection for LINGER seconds
            self.transport.abort()
        else:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def _overdue(self) -> None:
        if self.head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "its head was not complete in time")
        else:  # a browser's spare connection, which was never used: no error to tell
            self.transport.close()

    def _refuse_large(self) -> None:
        limit = self.context.config.max_head_size
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"its head is longer than {limit} bytes"
        )

    def _refuse(self, status: HTTPStatus, why: str = "") -> None:
        self._leave()
        Refusal(self.context, self.transport, status, why=why)
