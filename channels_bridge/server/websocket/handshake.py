"""The opening handshake: a request, the application's decision on it, and the response."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Protocol

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader, InvalidUpgrade
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from channels_bridge.server.access_log import printable
from channels_bridge.server.admission import Place
from channels_bridge.server.asgi_types import Event
from channels_bridge.server.websocket.asgi_scope import EXTENSION, Scope, build_scope
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.frames import DEFLATE, deflate_of
from channels_bridge.server.websocket.protocol_logger import quiet_logger
from channels_bridge.server.websocket.request_checks import KEY, note_lost_upgrade
from channels_bridge.server.websocket.responses import (
    RETRY_AFTER,
    complete_acceptance,
    decode_headers,
    phrase,
)
from channels_bridge.server.websocket.writer import Writer

logger = logging.getLogger("channels_bridge.server")

#: Characters of what is wrong with a handshake that are logged.
MAX_REASON = 200

_LOGGER = quiet_logger()


class Opening(Protocol):
    """A connection as its handshake sees it: each method is one step to its next state.

    Attributes:
        path: of the request, for log lines.
        peer: the client's address, for log lines.
        place: the client's among those of its address, where they are limited; the connection's
            to leave when it ends.
    """

    path: str
    peer: str
    place: Place | None

    def ask(self, scope: Scope) -> None:
        """Run the application, which is to decide."""

    def open(self, deflate: PerMessageDeflate | None) -> None:
        """The acceptance is written, and with it the compression that was agreed on."""

    def deny(self) -> None:
        """The head of a denial is written; its body follows."""

    def reject(self) -> None:
        """The last byte of a response is written that does not accept the handshake."""

    def log_access(self, action: str, code: int | None = None) -> None:
        """Write an access line."""


class Handshake:
    """A handshake, from its request until it is decided (RFC 6455, 4.2).

    The connection drops it then, and with it what takes more memory than all that is needed from
    then on: the request's headers, the response, and the protocol of ``websockets`` that made it.

    Args:
        connection: is told what becomes of it.
        request: a ``GET`` without a body.
        transport: where it came from.
        writer: takes the response.
        context: how to serve.

    Attributes:
        scope: what the application is told of the request.
    """

    __slots__ = (
        "_connection",
        "_context",
        "_protocol",
        "_response",
        "_timer",
        "_writer",
        "scope",
    )

    def __init__(
        self,
        connection: Opening,
        request: Request,
        transport: asyncio.BaseTransport,
        writer: Writer,
        context: Context,
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._context = context
        self._timer: asyncio.TimerHandle | None = None
        self.scope = build_scope(request, transport, context.config.proxy)
        # The application chooses one. websockets would refuse what is not a token.
        if "Sec-WebSocket-Protocol" in request.headers:
            del request.headers["Sec-WebSocket-Protocol"]
        extensions = [DEFLATE] if context.config.compression else None
        self._protocol = ServerProtocol(extensions=extensions, logger=_LOGGER)
        self._response = self._protocol.accept(request)  # ready to be sent
        _forget_tracebacks(self._protocol.handshake_exc)

    # The request

    def start(self) -> None:
        """Answer an invalid request, or let the application decide on it."""
        if self._response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._claim_place(self.scope["client"])
        else:
            self._note_refusal()
            self._respond(self._response)

    def _note_refusal(self) -> None:
        error = self._protocol.handshake_exc
        headers = (name for name, _ in self.scope["headers"])
        if isinstance(error, InvalidUpgrade) and KEY in headers:
            note_lost_upgrade(self._context, self._connection.path, self._connection.peer)
            return
        self._context.notices.warn(
            "handshake",
            "WebSocket %s [%s] is refused with %d: %s",
            self._connection.path,
            self._connection.peer,
            self._response.status_code,
            _describe(error),
        )

    def _claim_place(self, client: tuple[str, int] | None) -> None:
        """Where addresses are limited, ask first whether this client's may have another one."""
        if self._context.admission is None or client is None:
            self._ask_application()
        else:
            # The connection's, as it is left with the connection, long after the handshake.
            self._connection.place = place = Place(self._context.admission, client[0])
            place.claim(granted=self._ask_application, refused=self._refuse_address)

    def _refuse_address(self) -> None:
        self._context.notices.warn(
            "address",
            "WebSocket %s [%s] is refused: its address has too many, or opens them too fast "
            "(--max-connections-per-address, --max-connection-rate)",
            self._connection.path,
            self._connection.peer,
        )
        response = self._protocol.reject(
            HTTPStatus.TOO_MANY_REQUESTS, "Too many connections from your address.\n"
        )
        response.headers["Retry-After"] = RETRY_AFTER
        self._respond(response)

    # The decision

    def _ask_application(self) -> None:
        self.scope["state"] = self._context.state.copy()
        self.scope["extensions"] = {
            "websocket.http.response": {},
            EXTENSION: {"connection": self._connection},
        }
        timeout = self._context.config.handshake_timeout
        self._timer = asyncio.get_running_loop().call_later(timeout, self._decision_overdue)
        self._connection.ask(self.scope)

    def _decision_overdue(self) -> None:
        logger.warning(
            "WebSocket %s [%s]: neither accepted nor denied within %g s; let the application do so "
            "sooner, or raise --handshake-timeout",
            self._connection.path,
            self._connection.peer,
            self._context.config.handshake_timeout,
        )
        self.refuse(HTTPStatus.GATEWAY_TIMEOUT, "The application did not answer in time.\n")

    def accept(self, message: Event) -> None:
        """``websocket.accept``: make a WebSocket of the connection."""
        complete_acceptance(self._response.headers, message, self.scope["subprotocols"])
        self._write(self._response)
        self._context.counters.handshakes[101] += 1
        self._connection.open(deflate_of(self._protocol.extensions))

    def deny(self, message: Event) -> None:
        """``websocket.close`` before acceptance: 403 (ASGI "Close")."""
        self.refuse(HTTPStatus.FORBIDDEN, "")

    def start_denial(self, message: Event) -> None:
        """``websocket.http.response.start``: an answer of the application's own."""
        status = int(message["status"])
        headers = Headers(decode_headers(message.get("headers") or ()))
        if "Connection" not in headers:
            headers["Connection"] = "close"  # it ends the body where there is no length
        self._name_server(headers)
        self._writer.write(Response(status, phrase(status), headers, b"").serialize())
        self.end()  # of the wait for a decision; the body may take its time
        self._connection.deny()
        self._note_rejection(status)

    def continue_denial(self, message: Event) -> None:
        """``websocket.http.response.body``."""
        self._writer.write(message.get("body", b""))
        if not message.get("more_body", False):
            self._writer.half_close()
            self._connection.reject()

    def refuse(self, status: HTTPStatus, text: str) -> None:
        """Decide in the application's place."""
        self._respond(self._protocol.reject(status, text))

    def end(self) -> None:
        """End the wait for a decision."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Responses

    def _respond(self, response: Response) -> None:
        """Answer in plain text, after which the connection closes."""
        self._write(response)
        self._connection.reject()
        self._note_rejection(response.status_code)

    def _write(self, response: Response) -> None:
        self._name_server(response.headers)
        self._protocol.send_response(response)
        self._writer.write_all(self._protocol.data_to_send())

    def _name_server(self, headers: Headers) -> None:
        name = self._context.config.server_name
        if name and "Server" not in headers:
            headers["Server"] = name

    def _note_rejection(self, status: int) -> None:
        self._context.counters.handshakes[status] += 1
        self._connection.log_access("REJECT", status)


def _describe(error: Exception | None) -> str:
    """What is wrong with a handshake, without the value of a header, which may be a secret."""
    if isinstance(error, InvalidHeader):
        return f"{'invalid' if error.value else 'missing'} {error.name} header"
    return printable(str(error))[:MAX_REASON]


def _forget_tracebacks(error: BaseException | None) -> None:
    """Drop the tracebacks of an error, and of those that it was raised for.

    They refer to all that is on the stack now, and would leave that to the garbage collector:
    whoever sends many invalid requests could make much of it.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__context__
