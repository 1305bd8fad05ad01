"""One WebSocket connection: the ``websockets`` protocol on a transport, an ASGI application on it.

How a connection goes::

    REQUEST -> DECIDING -> OPEN -> CLOSING -> CLOSED
                       \\-> DENYING ---------/

The application runs in one task from the request on. It is told of the disconnect exactly once,
whoever ended the connection, and then has ``close_timeout`` seconds to return.

What an application does wrong is its error: logged with its traceback, 500 before the handshake is
decided, 1011 afterwards. What a client does wrong is answered with a status or a close code.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from websockets.datastructures import Headers
from websockets.exceptions import ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response

from .access import CLIENT_LEFT, Visitor, agent_name, client_name, printable
from .admission import Place
from .assembler import Assembler
from .config import ServerConfig
from .context import Context
from .inbox import Event, Inbox
from .keepalive import Keepalive
from .pace import Pace
from .plain import Boundary, read_plain
from .reading import SLICE, Reason
from .responses import (
    RETRY_AFTER,
    complete_acceptance,
    decode_headers,
    phrase,
    plain_response,
)
from .scope import BadRequest, build_scope
from .wire import Wire

logger = logging.getLogger("channels_bridge.server")

#: The ASGI extension that gives applications of ours the connection itself.
EXTENSION = "channels_bridge"


class State(enum.Enum):
    REQUEST = "waiting for the request"
    DECIDING = "waiting for the application to accept or deny"
    DENYING = "sending a denial response"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class WebSocketConnection(Wire):
    """The transport's protocol, the application's ``send``, and the inbox it receives from.

    Guarantees to the application:

    - events arrive in the order of the wire, ``websocket.connect`` first, ``websocket.disconnect``
      last and once, always with ``code`` and ``reason``;
    - ``send`` waits while the write buffer is full, and returns once the frame is in it: no more
      than ``WRITE_HIGH_WATER``, one message and the answers to what was read last wait there; after
      the end of the connection it does nothing, whoever ended it (Daphne, hypercorn and granian are
      silent there too: an application can't know better than its network).
    """

    lasting = True

    __slots__ = (
        "_actions",
        "_assembler",
        "_boundary",
        "_close_code",
        "_deflate",
        "_pace",
        "_place",
        "_plain_limit",
        "_response",
        "_return_timer",
        "_scope",
        "_task",
        "about",
        "context",
        "counters",
        "inbox",
        "keepalive",
        "opened",
        "path",
        "peer",
        "state",
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context.config)
        self.context = context
        self.counters = context.counters
        self.inbox = Inbox(resume=self._inbox_drained, overflow=self._inbox_overflown)
        self.keepalive = Keepalive(
            self.config.ping_interval, self.config.ping_timeout, self._ping, self._pong_overdue
        )
        self.state = State.REQUEST
        self._actions: dict[str, Callable[[WebSocketConnection, Event], None]] = {}
        #: Known once the request is there; for log lines.
        self.path = ""
        self.peer = "-"
        #: Returns what the application knows of the connection, as JSON can hold it.
        self.about: Callable[[], dict[str, Any]] = dict
        self.opened = 0.0  # when it was accepted, in the loop's time
        self._scope: dict[str, Any] = {}
        self._response: Response  # the acceptance, ready to be sent
        self._task: asyncio.Task[None] | None = None
        self._close_code = int(CloseCode.ABNORMAL_CLOSURE)  # that the application was told
        self._deflate: PerMessageDeflate | None = None  # negotiated in the handshake
        self._boundary = Boundary()
        self._plain_limit = _plain_limit(self.config)
        self._place: Place | None = None  # where its address is limited
        self._pace: Pace | None = None  # where the configuration limits it
        self._assembler = Assembler()
        self._return_timer: asyncio.TimerHandle | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.context.entered(self)

    def data_received(self, data: bytes) -> None:
        if self.state is not State.DENYING:  # else: what is sent to no WebSocket
            self.reading.receive(data)

    def _handle(self, data: bytes) -> None:
        if self.state is State.OPEN:
            data = self._take_plain(data)
            if not data:
                return
            self._boundary.advance(data)
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.handle_request(event)
            else:
                assert isinstance(event, Frame)
                self._frame_handlers[event.opcode](self, event)
        if self.state is State.REQUEST and self._handshake.handshake_exc is not None:
            self._refuse_request()
        self._flush()
        if self.protocol.parser_exc is not None:
            self._handle_violation()

    def eof_received(self) -> None:
        self.protocol.receive_eof()
        self.reading.end()
        self._leave_place()
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        self._start_closing()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        self._enter(State.CLOSED)
        self.stall.stop()
        self._leave_place()
        self.context.lost(self)

    # Handshake

    def handle_request(self, request: Request) -> None:
        """Check the handshake, then let the application decide on it."""
        self.path = printable(request.path.partition("?")[0])
        self._response = self._handshake.accept(request)
        if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._respond(self._response)
            return
        try:
            self._scope = build_scope(request, self.transport, self.config.proxy)
        except BadRequest as error:
            self._reject(HTTPStatus.BAD_REQUEST, f"Bad request: {error}.\n")
            return
        self.peer = client_name(self._scope["client"])
        self.reading.hold(Reason.DECISION)
        self._claim_place(self._scope["client"])

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
        self.inbox.put_event({"type": "websocket.connect"})
        self._task = self.context.run(self._run_application(), f"websocket {self.path}")

    def _refuse_request(self) -> None:
        """The request can't be read: say so where websockets only ends the connection."""
        answer = b"".join(self.protocol.data_to_send())
        answer = answer or plain_response(HTTPStatus.BAD_REQUEST, "Bad Request")
        self.transport.write(answer)
        self.counters.refused[int(answer.split(maxsplit=2)[1])] += 1
        self._half_close()
        self._start_closing()

    def _decision_overdue(self) -> None:
        logger.warning(
            "WebSocket %s [%s]: neither accepted nor denied within %g s",
            self.path,
            self.peer,
            self.config.handshake_timeout,
        )
        self._reject(HTTPStatus.GATEWAY_TIMEOUT, "The application did not answer in time.\n")
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)

    def accept(self, message: Event) -> None:
        """``websocket.accept``: complete the handshake."""
        headers = self._response.headers
        complete_acceptance(headers, message, self._scope["subprotocols"])
        self._name_server(headers)
        self._handshake.send_response(self._response)
        self._deflate = cast("PerMessageDeflate | None", next(iter(self.protocol.extensions), None))
        self._enter(State.OPEN)
        self.opened = self.loop.time()
        self._flush()
        self._forget_handshake()
        del self._response
        self.keepalive.start()
        if self.config.max_message_rate or self.config.idle_timeout:
            self._pace = Pace(self.config, self._idle)
        self.counters.open += 1
        self.counters.handshakes[101] += 1
        self._log_access("CONNECT")
        self.reading.release(Reason.DECISION)
        if self.context.ending:
            self.shutdown()

    def deny(self, message: Event) -> None:
        """``websocket.close`` before acceptance: 403 (ASGI "Close")."""
        self._reject(HTTPStatus.FORBIDDEN, "")
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)

    def start_denial(self, message: Event) -> None:
        """``websocket.http.response.start``: an answer of the application's own."""
        status = int(message["status"])
        headers = Headers(decode_headers(message.get("headers") or ()))
        if "Connection" not in headers:
            headers["Connection"] = "close"  # it ends the body where there is no length
        self._name_server(headers)
        self._enter(State.DENYING)
        self.transport.write(Response(status, phrase(status), headers, b"").serialize())
        self._rejected(status)

    def continue_denial(self, message: Event) -> None:
        """``websocket.http.response.body``."""
        self.transport.write(message.get("body", b""))
        if not message.get("more_body", False):
            # It sends nothing, and wants to hear nothing.
            self.protocol.fail(CloseCode.ABNORMAL_CLOSURE)
            self._flush()
            self._disconnect(CloseCode.ABNORMAL_CLOSURE)
            self._start_closing()

    def _name_server(self, headers: Headers) -> None:
        if self.config.server_name and "Server" not in headers:
            headers["Server"] = self.config.server_name

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

    # From the client

    def _take_plain(self, data: bytes) -> bytes:
        """Handle the plain messages that it begins with. Returns the rest."""
        start = 0
        while self.state is State.OPEN and self._boundary.is_here:
            try:
                plain = read_plain(data, start, self._plain_limit)
            except UnicodeDecodeError as error:
                self._handle_invalid_text(error)
                break
            if plain is None:
                break
            event, start = plain
            self._handle_message(event)
        return data[start:]

    def handle_data(self, frame: Frame) -> None:
        """A text or binary message, or the next part of one."""
        if self._disconnected:
            return
        try:
            event = self._assembler.add(frame)
        except UnicodeDecodeError as error:
            self._handle_invalid_text(error)
            return
        if event is not None:
            self._handle_message(event)

    def _handle_invalid_text(self, error: UnicodeDecodeError) -> None:
        self._abandon(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")

    def _handle_message(self, event: Event) -> None:
        if self._pace is not None and not self._pace.note_message():
            self._too_fast()
            return
        self.counters.received += 1
        if self.inbox.put_event(event):
            self.reading.hold(Reason.INBOX)

    def _inbox_drained(self) -> None:
        self.reading.release(Reason.INBOX)

    def handle_ping(self, frame: Frame) -> None:
        """The protocol has its answer ready, which is sent once what was read is handled."""
        if self._pace is not None and not self._pace.note_ping():
            self._too_fast()
        elif self._writable is not None:
            self.reading.hold(Reason.ANSWERS)

    def handle_pong(self, frame: Frame) -> None:
        self.keepalive.answered(bytes(frame.data))

    def handle_close(self, frame: Frame) -> None:
        """The client's close frame: its first word or the answer to ours."""
        close = self.protocol.close_rcvd
        assert close is not None
        self._disconnect(close.code, close.reason)
        self._start_closing()

    _frame_handlers: dict[Opcode, Callable[[WebSocketConnection, Frame], None]] = {
        Opcode.TEXT: handle_data,
        Opcode.BINARY: handle_data,
        Opcode.CONT: handle_data,
        Opcode.PING: handle_ping,
        Opcode.PONG: handle_pong,
        Opcode.CLOSE: handle_close,
    }

    def _handle_violation(self) -> None:
        """The client broke the protocol or a limit: websockets has answered with a close code."""
        sent = self.protocol.close_sent
        if sent is None:
            self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        else:
            self._disconnect(sent.code, sent.reason)
        self._start_closing()

    def _abandon(self, code: int, reason: str = "") -> None:
        """Give up on the connection, from our side."""
        self.protocol.fail(code, reason)
        self._disconnect(code, reason)
        self._flush()
        self._start_closing()

    def _ping(self, payload: bytes) -> None:
        self.protocol.send_ping(payload)
        self._flush()

    def _pong_overdue(self) -> None:
        # It may lie unread behind messages, which is our slowness; or our ping lies behind others,
        # and how long that may take is for the watch on writing to say.
        if self.reading.is_held(Reason.INBOX) or self.stall.is_watching:
            self.keepalive.wait()
        else:
            self._abandon(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")

    # What its client should not do

    def _cut_off(self, why: str, code: int, reason: str) -> None:
        """Close an open connection for what its client does; ``why`` counts it."""
        if self.state is State.OPEN:
            self._note_cut_off(why, reason)
            self.end(code, reason)

    def _note_cut_off(self, why: str, reason: str) -> None:
        self.counters.cut_off[why] += 1
        message = "WebSocket %s [%s] is cut off: %s"
        self.context.notices.warn(why, message, self.path, self.peer, reason)

    def _write_overdue(self) -> None:
        """No close frame would reach the client."""
        seconds = self.config.write_timeout
        self._note_cut_off("write_timeout", f"the client reads nothing for {seconds:g} s")
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        self.transport.abort()

    def _too_fast(self) -> None:
        if self.state is State.OPEN:
            reason = f"more than {self.config.max_message_rate:g} messages a second"
            self._note_cut_off("message_rate", reason)
            self._abandon(CloseCode.POLICY_VIOLATION, reason)

    def _idle(self) -> None:
        if not self.reading.is_held(Reason.INBOX):  # else: its messages wait for us
            reason = f"no message for {self.config.idle_timeout:g} s"
            self._cut_off("idle", CloseCode.GOING_AWAY, reason)

    def _inbox_overflown(self) -> None:
        self._cut_off("inbox_full", CloseCode.TRY_AGAIN_LATER, "messages come too fast")

    # From the application

    async def send(self, message: Event) -> None:
        """The ASGI ``send``.

        Raises:
            RuntimeError: the message isn't one for the connection's state.
            ValueError: a close code, subprotocol, header or payload that can't be sent.
        """
        if self._writable is not None and message["type"] != "websocket.close":
            await self._room()
        if self._disconnected:
            return
        action = self._actions.get(message["type"])
        if action is None:
            raise self._unexpected(message)
        action(self, message)

    def send_now(self, payload: str | bytes) -> bool:
        """Send a message, unless that must wait or there is nobody to send it to.

        Returns:
            Whether it was sent.
        """
        if self._writable is not None or self.state is not State.OPEN:
            return False
        self.transport.write(self.context.frames.frame(payload, self._deflate))
        self.counters.sent += 1
        return True

    def send_message(self, message: Event) -> None:
        """``websocket.send``: one frame, written past the protocol, which has no part in it."""
        text, data = message.get("text"), message.get("bytes")
        if (text is None) == (data is None):
            raise ValueError("websocket.send takes one of text and bytes")
        self.transport.write(self.context.frames.frame(_payload(text, data), self._deflate))
        self.counters.sent += 1

    def close(self, message: Event) -> None:
        """``websocket.close`` after acceptance."""
        code, reason = message.get("code", CloseCode.NORMAL_CLOSURE), message.get("reason") or ""
        try:
            self.protocol.send_close(code, reason)
        except ProtocolError as error:
            raise ValueError(
                f"cannot close with code {code} and reason {reason!r}: {error}"
            ) from None
        self._flush()
        self._disconnect(code, reason)
        self._start_closing()

    #: What an application may send, by state; nothing in the others.
    _ACTIONS: dict[State, dict[str, Callable[[WebSocketConnection, Event], None]]] = {
        State.DECIDING: {
            "websocket.accept": accept,
            "websocket.close": deny,
            "websocket.http.response.start": start_denial,
        },
        State.DENYING: {"websocket.http.response.body": continue_denial},
        State.OPEN: {"websocket.send": send_message, "websocket.close": close},
    }

    def _unexpected(self, message: Event) -> RuntimeError:
        return RuntimeError(
            f"{message['type']!r} while {self.state.value}; "
            f"expected one of {', '.join(self._actions)}"
        )

    async def _run_application(self) -> None:
        try:
            await self.context.application(self._scope, self.inbox.get, self.send)
        except Exception:
            logger.exception(
                "Exception in ASGI application: WebSocket %s [%s]", self.path, self.peer
            )
            self.fail()
        else:
            self._application_returned()
        finally:
            if self._return_timer is not None:
                self._return_timer.cancel()

    def fail(self) -> int:
        """The application failed: 500 before the handshake is decided, 1011 once it is open.

        Returns:
            The close code that the application was told, now or before.
        """
        if self.state is State.DECIDING:
            self._reject(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error\n")
            self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        elif self.state is State.DENYING:
            self.transport.abort()
        elif self.state is State.OPEN:
            self.close({"type": "websocket.close", "code": CloseCode.INTERNAL_ERROR})
        return self._close_code

    def _application_returned(self) -> None:
        """A connection ends with its application, normally as in ``websockets.serve``."""
        if self.state is State.OPEN:
            self.close({"type": "websocket.close"})
        elif self.state in (State.DECIDING, State.DENYING):
            logger.error(
                "WebSocket %s [%s]: the application returned while %s",
                self.path,
                self.peer,
                self.state.value,
            )
            self.fail()

    # The end

    def end(self, code: int, reason: str) -> bool:
        """Close the connection from outside of the application; 403 while it is undecided.

        Returns:
            Whether it was open or undecided.

        Raises:
            ValueError: it can't be closed with this code or reason.
        """
        if self.state is State.OPEN:
            self.close({"type": "websocket.close", "code": code, "reason": reason})
        elif self.state is State.DECIDING:
            self._reject(HTTPStatus.FORBIDDEN, "")
            self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        else:
            return False
        return True

    def shutdown(self) -> None:
        """The worker ends: ``drain_code`` on an open connection, 503 on a handshake."""
        if self.state is State.OPEN:
            code = self.config.drain_code
            self.close({"type": "websocket.close", "code": code, "reason": "server going away"})
        elif self.state is State.DECIDING:
            if not self.context.finishes_handshakes:
                self._reject(HTTPStatus.SERVICE_UNAVAILABLE, "The server is shutting down.\n")
                self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        elif self.state is State.REQUEST:
            self.transport.close()

    def _disconnect(self, code: int, reason: str = "") -> None:
        """Tell the application, once; from now on it has ``close_timeout`` to return."""
        if self._disconnected:
            return
        self._disconnected = True
        self._close_code = int(code)
        self._let_send()  # into nothing; but what waits there has to hear of the end
        if self.state is State.OPEN:
            self.counters.open -= 1
            self.counters.closed[self._close_code] += 1
            self._log_access("DISCONNECT", code)
        elif self.state is State.DECIDING:
            self.counters.handshakes[CLIENT_LEFT] += 1
        if self._task is not None and not self._task.done():
            self.inbox.put_event(
                {"type": "websocket.disconnect", "code": int(code), "reason": reason}
            )
            self._return_timer = self.loop.call_later(
                self.config.close_timeout, self._return_overdue
            )

    def _return_overdue(self) -> None:
        assert self._task is not None
        logger.warning(
            "WebSocket %s [%s]: the application did not return within %g s of the disconnect; "
            "it is cancelled",
            self.path,
            self.peer,
            self.config.close_timeout,
        )
        self._task.cancel()

    def _start_closing(self) -> None:
        """Wait for the client's side of the end, at most ``close_timeout``."""
        if self.state in (State.CLOSING, State.CLOSED):
            return
        self._enter(State.CLOSING)
        self._set_timer(self.config.close_timeout, self.transport.abort)
        self.stall.stop()
        self.reading.release_all()

    def _log_access(self, action: str, code: int | None = None) -> None:
        if self.config.access_log:
            seconds = self.loop.time() - self.opened if action == "DISCONNECT" else None
            self.context.access.websocket(action, self._visitor(), code, seconds)

    def _visitor(self) -> Visitor:
        return Visitor(self.path, self.peer, agent_name(self._scope.get("headers", ())))

    def _enter(self, state: State) -> None:
        self.state = state
        self._actions = self._ACTIONS.get(state, {})
        self.keepalive.stop()
        if self._pace is not None:
            self._pace.stop()
        self._cancel_timer()


def _payload(text: Any, data: Any) -> str | bytes:
    """What an application wants sent, in a form that nobody can change afterwards."""
    if text is None:
        return data if type(data) is bytes else bytes(memoryview(data))
    if not isinstance(text, str):
        raise ValueError(f"text is a {type(text).__name__}; it must be a str")
    return text


def _plain_limit(config: ServerConfig) -> int:
    """The longest frame that needn't be looked at by the protocol."""
    return min(limit for limit in (config.max_message_size, config.max_frame_size, SLICE) if limit)
