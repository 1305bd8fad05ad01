"""HTTP on the same port, by uvicorn's HTTP protocol (extra ``http``)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from .access import logged
from .connection import WebSocketConnection
from .context import Application, Context, Receive, Send
from .extras import how_to_install, missing
from .page import Cycle, Page
from .refusal import Refusal

if TYPE_CHECKING:
    from uvicorn.server import ServerState

logger = logging.getLogger("channels_bridge.server")

HttpProtocol = Callable[[], asyncio.Protocol]


def is_available() -> bool:
    """Whether what the extra ``http`` brings is installed."""
    return not missing("http")


def make_http_protocol(context: Context) -> HttpProtocol:
    """A factory of protocols for connections whose first request is no WebSocket handshake."""
    if not context.config.http or not is_available():
        return lambda: UpgradeRequired(context)
    return _make_uvicorn_protocol(context)


def _make_uvicorn_protocol(context: Context) -> HttpProtocol:
    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    def upgrade(**_: object) -> WebSocketConnection:
        """A handshake on a connection that served HTTP before, as proxies reuse theirs."""
        return WebSocketConnection(context)

    config = Config(
        context.application,
        interface="asgi3",
        http=HttpToolsProtocol,
        ws=upgrade,  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        proxy_headers=False,
    )
    config.load()
    state = _make_state(context)

    class Connection(HttpToolsProtocol):
        """uvicorn's protocol, known to the worker while it lasts.

        uvicorn sets no limits to the head of a request; those of the first one, which another
        protocol has read, hold for all later ones too.
        """

        page: Page | None = None  # that is being served
        head_size: int | None = None  # bytes of the head that is being read; None between heads
        head_timer: asyncio.TimerHandle | None = None

        def __init__(self) -> None:
            super().__init__(config=config, server_state=state, app_state=context.state)
            self.access_log = False  # ours tells how long it took, too
            self.logger = logger

        @property
        def lasting(self) -> bool:
            return self.page is not None and self.page.is_endless

        @property
        def app(self) -> Application:
            """What serves a request; asked for with each, so that nothing refers to itself."""
            return self.serve

        @app.setter
        def app(self, app: object) -> None:
            """uvicorn's, which has put a logger of what clients send around it, at some levels."""

        async def serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
            context.config.proxy.apply(scope)
            cycle: Cycle = cast(Any, receive).__self__
            self.page = page = Page(context, cycle)
            try:
                if context.config.access_log:
                    await logged(page, context.access)(scope, receive, send)
                else:
                    await page(scope, receive, send)
            finally:
                if self.page is page:  # else: the next request's, which has not waited for this
                    self.page = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            context.entered(self)

        def connection_lost(self, exc: Exception | None) -> None:
            self.head_ended()
            super().connection_lost(exc)
            context.lost(self)

        def data_received(self, data: bytes) -> None:
            if self.head_size is not None:
                self.head_size += len(data)
                if self.head_size > context.config.max_head_size:
                    self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                    return
            super().data_received(data)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.head_size = 0
            self.head_timer = self.loop.call_later(
                context.config.handshake_timeout, self.refuse, HTTPStatus.REQUEST_TIMEOUT
            )

        def on_headers_complete(self) -> None:
            self.head_ended()
            super().on_headers_complete()
            if context.ending and self.cycle is not None:
                self.cycle.keep_alive = False

        def shutdown(self) -> None:
            super().shutdown()
            if self.page is not None:
                self.page.shutdown()

        def head_ended(self) -> None:
            self.head_size = None
            if self.head_timer is not None:
                self.head_timer.cancel()

        def refuse(self, status: HTTPStatus) -> None:
            self.head_ended()
            self._unset_keepalive_if_required()
            if self.cycle is not None:  # an earlier request, whose answer has no place any more
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            self.connections.discard(self)
            context.left(self)
            Refusal(context, self.transport, status)

        def handle_websocket_upgrade(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:
                # The answer to an earlier request would go into the WebSocket.
                self.refuse(HTTPStatus.BAD_REQUEST)
                return
            context.left(self)
            super().handle_websocket_upgrade()

    return Connection


def _make_state(context: Context) -> ServerState:
    """What uvicorn's protocols share: the worker's tasks, and headers with the present date."""
    from uvicorn.server import ServerState

    class State(ServerState):
        second = 0

        @property
        def default_headers(self) -> list[tuple[bytes, bytes]]:
            now = int(time.time())
            if now != self.second:
                self.second = now
                self.headers = [(b"date", formatdate(now, usegmt=True).encode())]
                if name:
                    self.headers.append((b"server", name))
            return self.headers

        @default_headers.setter
        def default_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
            """What uvicorn's server would set; it doesn't run here."""

    name = context.config.server_name.encode("latin-1")
    state = State()
    state.tasks = context.tasks
    return state


class UpgradeRequired(asyncio.Protocol):
    """Answers every request with 426 and says where HTTP is to be had (RFC 9110, 15.5.22)."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        Refusal(self.context, self.transport, HTTPStatus.UPGRADE_REQUIRED, self._text())

    def _text(self) -> str:
        if not self.context.config.http:
            return "This port serves WebSocket only: the server runs with --no-http."
        return (
            "This port serves WebSocket only. HTTP on it takes packages that are not installed: "
            f"{how_to_install(missing('http'))}"
        )
