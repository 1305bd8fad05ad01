"""A connection before it is open: the request, the application's decision, and what is answered."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader, InvalidUpgrade
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from channels_bridge.server.access_log import client_name, printable
from channels_bridge.server.admission import Place
from channels_bridge.server.asgi_types import Event
from channels_bridge.server.websocket.asgi_scope import EXTENSION, build_scope
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.flow_control import Reason
from channels_bridge.server.websocket.lifecycle import Lifecycle, State
from channels_bridge.server.websocket.request_head import note_lost_upgrade
from channels_bridge.server.websocket.responses import (
    RETRY_AFTER,
    complete_acceptance,
    decode_headers,
    phrase,
)

logger = logging.getLogger("channels_bridge.server")

#: Characters of what is wrong with a handshake that are logged.
MAX_REASON = 200


class Handshake(Lifecycle):
    """From the request to its acceptance, which makes a WebSocket of the connection, or denial."""

    __slots__ = ("_place", "_response")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._response: Response  # the acceptance, ready to be sent
        self._place: Place | None = None  # where its address is limited

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_place()
        super().connection_lost(exc)

    @abstractmethod
    def _begin(self) -> None:
        """The connection is open."""

    # The request

    def take_over(self, transport: asyncio.Transport, request: Request, rest: bytes) -> None:
        """Go on where another protocol has read a request, and maybe what is behind it."""
        transport.set_protocol(self)
        self.connection_made(transport)
        self.handle_request(request)
        if rest:
            self.data_received(rest)

    def handle_request(self, request: Request) -> None:
        """Check the handshake, then let the application decide on it."""
        self.path = printable(request.path.partition("?")[0])
        self._scope = build_scope(request, self.transport, self.config.proxy)
        self.peer = client_name(self._scope["client"])
        # The application chooses one. websockets would refuse what is no token.
        if "Sec-WebSocket-Protocol" in request.headers:
            del request.headers["Sec-WebSocket-Protocol"]
        self._response = self._handshake.accept(request)
        if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._note_refusal("Sec-WebSocket-Key" in request.headers)
            self._respond(self._response)
            return
        self.reading.hold(Reason.DECISION)
        self._claim_place(self._scope["client"])

    def _note_refusal(self, has_key: bool) -> None:
        error = self._handshake.handshake_exc
        if has_key and isinstance(error, InvalidUpgrade):
            note_lost_upgrade(self.context, self.path, self.peer)
            return
        self.context.notices.warn(
            "handshake",
            "WebSocket %s [%s] is refused with %d: %s",
            self.path,
            self.peer,
            self._response.status_code,
            _describe(error),
        )

    def _claim_place(self, client: tuple[str, int] | None) -> None:
        """Where addresses are limited, ask first whether this client's may have another one."""
        if self.context.admission is None or client is None:
            self._ask_application()
        else:
            self._place = Place(self.context.admission, client[0])
            self._place.claim(granted=self._ask_application, refused=self._refuse_address)

    def _leave_place(self) -> None:
        if self._place is not None:
            self._place.leave()

    def _refuse_address(self) -> None:
        message = "WebSocket %s [%s] is refused: its address has too many, or opens them too fast"
        self.context.notices.warn("address", message, self.path, self.peer)
        response = self._handshake.reject(
            HTTPStatus.TOO_MANY_REQUESTS, "Too many connections from your address.\n"
        )
        response.headers["Retry-After"] = RETRY_AFTER
        self._respond(response)

    # The decision

    def _ask_application(self) -> None:
        self._scope["state"] = self.context.state.copy()
        self._scope["extensions"] = {
            "websocket.http.response": {},
            EXTENSION: {"connection": self},
        }
        if self.config.access_log:
            self.context.access.handshaking(self._visitor())
        self._enter(State.DECIDING)
        self._set_timer(self.config.handshake_timeout, self._decision_overdue)
        self._start_application()

    def _decision_overdue(self) -> None:
        logger.warning(
            "WebSocket %s [%s]: neither accepted nor denied within %g s",
            self.path,
            self.peer,
            self.config.handshake_timeout,
        )
        self._refuse(HTTPStatus.GATEWAY_TIMEOUT, "The application did not answer in time.\n")

    def accept(self, message: Event) -> None:
        """``websocket.accept``: complete the handshake."""
        headers = self._response.headers
        complete_acceptance(headers, message, self._scope["subprotocols"])
        self._name_server(headers)
        self._handshake.send_response(self._response)
        self._enter(State.OPEN)
        self.opened = self.loop.time()
        self._flush()
        self._forget_handshake()
        del self._response
        self._begin()
        self.counters.open += 1
        self.counters.handshakes[101] += 1
        self._log_access("CONNECT")
        self.reading.release(Reason.DECISION)
        if self.context.ending:
            self.shutdown()

    def deny(self, message: Event) -> None:
        """``websocket.close`` before acceptance: 403 (ASGI "Close")."""
        self._refuse(HTTPStatus.FORBIDDEN, "")

    def start_denial(self, message: Event) -> None:
        """``websocket.http.response.start``: an answer of the application's own."""
        status = int(message["status"])
        headers = Headers(decode_headers(message.get("headers") or ()))
        if "Connection" not in headers:
            headers["Connection"] = "close"  # it ends the body where there is no length
        self._name_server(headers)
        self._enter(State.DENYING)
        self.writer.write(Response(status, phrase(status), headers, b"").serialize())
        self._rejected(status)

    def continue_denial(self, message: Event) -> None:
        """``websocket.http.response.body``."""
        self.writer.write(message.get("body", b""))
        if not message.get("more_body", False):
            # It sends nothing, and wants to hear nothing.
            self.protocol.fail(CloseCode.ABNORMAL_CLOSURE)
            self._flush()
            self._disconnect(CloseCode.ABNORMAL_CLOSURE)
            self._start_closing()

    ACTIONS = {
        State.DECIDING: {
            "websocket.accept": accept,
            "websocket.close": deny,
            "websocket.http.response.start": start_denial,
        },
        State.DENYING: {"websocket.http.response.body": continue_denial},
    }

    # Responses

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Decide in the application's place."""
        self._reject(status, text)
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)

    def _reject(self, status: HTTPStatus, text: str) -> None:
        self._respond(self._handshake.reject(status, text))

    def _respond(self, response: Response) -> None:
        self._name_server(response.headers)
        self._handshake.send_response(response)
        self._flush()
        self._start_closing()
        self._rejected(response.status_code)

    def _rejected(self, status: int) -> None:
        self.counters.handshakes[status] += 1
        self._log_access("REJECT", status)

    def _name_server(self, headers: Headers) -> None:
        if self.config.server_name and "Server" not in headers:
            headers["Server"] = self.config.server_name


def _describe(error: Exception | None) -> str:
    """What is wrong with a handshake, without the value of a header, which may be a secret."""
    if isinstance(error, InvalidHeader):
        return f"{'invalid' if error.value else 'missing'} {error.name} header"
    return printable(str(error))[:MAX_REASON]
