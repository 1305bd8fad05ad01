"""HTTP on the same port, by uvicorn's HTTP protocol (extra ``http``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from .access import logged
from .connection import WebSocketConnection
from .context import Context, Receive, Send
from .responses import plain_response

if TYPE_CHECKING:
    from uvicorn.server import ServerState

HttpProtocol = Callable[[], asyncio.Protocol]


def is_available() -> bool:
    """Whether what the extra ``http`` brings is installed."""
    return find_spec("uvicorn") is not None and find_spec("httptools") is not None


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

    served = context.application
    if context.config.access_log:
        served = logged(served, context.access)

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        context.config.proxy.apply(scope)
        await served(scope, receive, send)

    config = Config(
        application,
        http=HttpToolsProtocol,
        ws=upgrade,  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        proxy_headers=False,
    )
    config.load()
    state = _make_state(context)

    class Connection(HttpToolsProtocol):
        """uvicorn's protocol, known to the worker while it lasts."""

        def __init__(self) -> None:
            super().__init__(config=config, server_state=state, app_state=context.state)
            self.access_log = False  # ours tells how long it took, too

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            context.entered(self)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            context.lost(self)

        def handle_websocket_upgrade(self) -> None:
            context.left(self)
            super().handle_websocket_upgrade()

    return Connection


def _make_state(context: Context) -> ServerState:
    """What uvicorn's protocols share: the worker's tasks, and headers with the present date."""
    from uvicorn.server import ServerState

    state = ServerState()
    state.tasks = context.tasks
    name = context.config.server_name.encode("latin-1")

    def refresh() -> None:
        state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        if name:
            state.default_headers.append((b"server", name))
        loop.call_later(1, refresh)

    loop = asyncio.get_running_loop()
    refresh()
    return state


class UpgradeRequired(asyncio.Protocol):
    """Answers every request with 426 and says where HTTP is to be had (RFC 9110, 15.5.22)."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.context.entered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.context.lost(self)

    def data_received(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(plain_response(HTTPStatus.UPGRADE_REQUIRED, self._text()))
            self.transport.close()

    def shutdown(self) -> None:
        self.transport.close()

    def _text(self) -> str:
        if not self.context.config.http:
            return "This port serves WebSocket only: the server runs with --no-http."
        return (
            "This port serves WebSocket only: HTTP needs what "
            "pip install 'channels-bridge[http]' installs."
        )
