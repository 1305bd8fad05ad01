"""One WebSocket connection, from its request to its end, composed of its parts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request

from channels_bridge.server.access_log import CLIENT_LEFT, Visitor, client_name, printable
from channels_bridge.server.admission import Place
from channels_bridge.server.asgi_types import Event
from channels_bridge.server.websocket import client_limits
from channels_bridge.server.websocket.asgi_scope import Scope
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.flow_control import Reading, Reason
from channels_bridge.server.websocket.handshake import Handshake
from channels_bridge.server.websocket.inbox import Inbox
from channels_bridge.server.websocket.keepalive import Client
from channels_bridge.server.websocket.lifecycle import (
    ApplicationTask,
    State,
    nothing_known,
    unexpected,
)
from channels_bridge.server.websocket.receiver import Receiver
from channels_bridge.server.websocket.sender import Sender
from channels_bridge.server.websocket.writer import Writer

logger = logging.getLogger("channels_bridge.server")

#: Does what an application sends.
Action = Callable[["WebSocketConnection", Event], None]


class WebSocketConnection(asyncio.Protocol):
    """A connection's state, and what its parts tell each other by way of it.

    A message comes in by ``reading`` (which holds it back while the application is behind), the
    receiver (which makes an event of its frames) and ``inbox``; it goes out by ``send``,
    ``sender`` (which makes a frame of it) and ``writer``.

    Attributes:
        about: returns what the application knows of the connection, as JSON can hold it.
        inbox: what waits for the application; its ``get`` is the ASGI ``receive``.
        opened: when it was accepted, in the loop's time.
        path: of the request, for log lines.
        peer: the client's address, for log lines.
        pinged: the keepalive's, as ``turn`` is.
        place: among the connections of the client's address, where these are limited.
    """

    lasting = True

    # With so many attributes, a dict of them would take 2 KiB for each connection.
    __slots__ = (
        "_actions",
        "_application",
        "_close_code",
        "_closing_timer",
        "_handshake",
        "_headers",
        "_pace",
        "_receiver",
        "about",
        "context",
        "inbox",
        "opened",
        "path",
        "peer",
        "pinged",
        "place",
        "reading",
        "sender",
        "state",
        "turn",
        "writer",
    )

    def __init__(self, context: Context) -> None:
        self.context = context
        self.state = State.REQUEST
        self.inbox = Inbox(self)
        #: Set by connection_made.
        self.writer: Writer
        self.sender: Sender
        self.reading: Reading
        self._receiver: Receiver
        self.about: Callable[[], dict[str, Any]] = nothing_known
        self.path = ""
        self.peer = "-"
        self.opened = 0.0
        self.place: Place | None = None
        self.pinged: bytes | None = None
        self.turn: set[Client] | None = None
        self._actions: Mapping[str, Action] = {}
        self._headers: Sequence[tuple[bytes, bytes]] = ()  # the request's, shared with its scope
        self._handshake: Handshake | None = None  # until it is decided
        self._application: ApplicationTask | None = None  # once the handshake is valid
        self._pace: client_limits.Pace | None = None  # where the configuration limits it
        self._close_code: int | None = None  # that the application was told, at the disconnect
        self._closing_timer: asyncio.TimerHandle | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass of asyncio's.
        self.writer = Writer(cast(asyncio.Transport, transport), self.context.next_round)
        self.sender = Sender(self.writer, self.inbox, self.context)
        self._receiver = Receiver(self.writer, self.context.limits)
        self.reading = Reading(
            self.writer.transport, self._receiver, self.context.config.max_head_size
        )
        self.context.entered(self)

    def data_received(self, data: bytes) -> None:
        self.reading.receive(data)  # and on to the receiver, unless there is a reason to wait

    def eof_received(self) -> None:
        self._receiver.receive_eof()
        self.reading.end()
        self._leave_place()
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        self._start_closing()

    def pause_writing(self) -> None:
        self.writer.pause(self.context.config.write_timeout, self._write_overdue)
        if self._close_code is not None:
            self.writer.release()  # nothing that the application sends is waited for

    def resume_writing(self) -> None:
        self.writer.resume()
        self.reading.release(Reason.ANSWERS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_place()
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        self._enter(State.CLOSED)
        if self._closing_timer is not None:
            self._closing_timer.cancel()
        # Nobody refers to the connection any more: no cycles for the garbage collector.
        self.writer.drop()
        self.reading.end()
        self._receiver.end()
        self.inbox.end()
        self._pace = None
        self.context.lost(self)

    @property
    def transport(self) -> asyncio.Transport:
        return self.writer.transport

    @property
    def unsent(self) -> int:
        """Bytes that neither the client has read nor the system has taken."""
        return self.writer.unsent

    # The handshake

    def take_over(self, transport: asyncio.Transport, request: Request, rest: bytes) -> None:
        """Go on where another protocol has read a request, and maybe what is behind it."""
        transport.set_protocol(self)
        self.connection_made(transport)
        handshake = Handshake(self, request, transport, self.writer, self.context)
        self._handshake = handshake
        self._headers = handshake.scope["headers"]
        self.path = printable(request.path.partition("?")[0])
        self.peer = client_name(handshake.scope["client"])
        self.reading.hold(Reason.DECISION)  # a hasty client's messages, until somebody reads them
        handshake.start()
        if rest:
            self.data_received(rest)

    @property
    def undecided(self) -> Handshake:
        """The handshake, in those states in which there is one."""
        assert self._handshake is not None
        return self._handshake

    def ask(self, scope: Scope) -> None:
        if self.context.config.access_log:
            self.context.access.handshaking(self._visitor())
        self._enter(State.DECIDING)
        self._application = ApplicationTask(self, scope)

    def open(self, deflate: PerMessageDeflate | None) -> None:
        self._enter(State.OPEN)
        self.opened = asyncio.get_running_loop().time()
        self.sender.start(deflate)
        self._receiver.start(self, deflate)
        self.context.keepalive.start(self)
        if self.context.config.max_message_rate or self.context.config.idle_timeout:
            idle = partial(client_limits.cut_off_idle, self)
            self._pace = client_limits.Pace(self.context.config, idle)
        self.context.counters.open += 1
        self.log_access("CONNECT")
        self.reading.release(Reason.DECISION)
        if self.context.ending:
            self.shutdown()

    def deny(self) -> None:
        self._enter(State.DENYING)
        self.reading.release(Reason.DECISION)  # into nothing: there will be no WebSocket

    def reject(self) -> None:
        self._start_closing()
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)

    def _leave_place(self) -> None:
        if self.place is not None:
            self.place.leave()

    # The application

    async def send(self, message: Event) -> None:
        """The ASGI ``send``.

        Raises:
            RuntimeError: the message isn't one for the connection's state.
            ValueError: a close code, subprotocol, header or payload that can't be sent.
        """
        # A close does not wait: it is for a client that reads nothing, too.
        if self.writer.is_full and message["type"] != "websocket.close":
            await self.writer.room()
        if self._close_code is not None:  # maybe since the wait
            return
        action = self._actions.get(message["type"])
        if action is None:
            raise unexpected(message, self.state, self._actions)
        action(self, message)

    def send_message(self, message: Event) -> None:
        """``websocket.send``."""
        self.sender.send(message)

    def close(self, message: Event) -> None:
        """``websocket.close`` after acceptance."""
        code, reason = message.get("code", CloseCode.NORMAL_CLOSURE), message.get("reason") or ""
        self.sender.flush()
        self._receiver.close(code, reason)
        self._disconnect(code, reason)
        self._start_closing()

    def application_returned(self) -> None:
        """A connection ends with its application, normally as in ``websockets.serve``."""
        if self.state is State.OPEN:
            self.close({"type": "websocket.close"})
        elif self.state in (State.DECIDING, State.DENYING):
            message = "WebSocket %s [%s]: the application returned while %s"
            logger.error(message, self.path, self.peer, self.state.value)
            self.fail()

    def fail(self) -> int:
        """The application failed: 500 before the handshake is decided, 1011 once it is open.

        Returns:
            The close code that the application was told, now or before.
        """
        if self.state is State.DECIDING:
            self.undecided.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error\n")
        elif self.state is State.DENYING:
            self.transport.abort()  # the client must not take what it has for the whole
        elif self.state is State.OPEN:
            self.close({"type": "websocket.close", "code": CloseCode.INTERNAL_ERROR})
        return int(CloseCode.ABNORMAL_CLOSURE if self._close_code is None else self._close_code)

    # The client, of whom the receiver and the keepalive tell

    def handle_message(self, event: Event) -> None:
        if self._pace is not None and not self._pace.note_message():
            client_limits.cut_off_fast(self)
            return
        self.context.counters.received += 1
        # It is taken in any case; a full inbox holds back what comes after it (backpressure).
        if self.inbox.put_event(event):
            self.reading.hold(Reason.INBOX)

    def inbox_drained(self) -> None:
        self.reading.release(Reason.INBOX)

    def handle_ping(self) -> None:
        if self._pace is not None and not self._pace.note_ping():
            client_limits.cut_off_fast(self)
        elif self.writer.is_full:
            # No application waits for room before a pong is written: its client has to.
            self.reading.hold(Reason.ANSWERS)

    def handle_pong(self, payload: bytes) -> None:
        self.context.keepalive.answered(self, payload)

    def handle_close(self, code: int, reason: str) -> None:
        self._disconnect(code, reason)
        self._start_closing()

    def abandon(self, code: int, reason: str) -> None:
        """Give up on the connection, from the server's side."""
        self.sender.flush()
        self._receiver.fail(code, reason)
        self._disconnect(code, reason)
        self._start_closing()

    def ping(self, payload: bytes) -> None:
        self.writer.write(Frame(Opcode.PING, payload).serialize(mask=False))

    def pong_overdue(self) -> None:
        # It may lie unread behind messages, which is our slowness; or our ping lies behind others,
        # and how long that may take is for the watch on writing to say.
        if self.reading.is_held(Reason.INBOX) or self.writer.is_watched:
            self.context.keepalive.wait(self)
        else:
            self.abandon(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")

    # What its client should not do

    def _write_overdue(self) -> None:
        """No close frame would reach the client."""
        reason = f"the client reads nothing for {self.context.config.write_timeout:g} s"
        client_limits.note_cut_off(self, "write_timeout", reason)
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        self.transport.abort()

    def inbox_overflown(self) -> None:
        reason = "messages come too fast"
        client_limits.cut_off(self, "inbox_full", CloseCode.TRY_AGAIN_LATER, reason)

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
            self.undecided.refuse(HTTPStatus.FORBIDDEN, "")
        else:
            return False
        return True

    def shutdown(self) -> None:
        """The worker ends: ``drain_code`` on an open connection, 503 on a handshake."""
        if self.state is State.OPEN:
            code = self.context.config.drain_code
            self.close({"type": "websocket.close", "code": code, "reason": "server going away"})
        elif self.state is State.DECIDING:
            if not self.context.finishes_handshakes:
                text = "The server is shutting down.\n"
                self.undecided.refuse(HTTPStatus.SERVICE_UNAVAILABLE, text)
        elif self.state is State.REQUEST:
            self.transport.close()

    def _disconnect(self, code: int, reason: str = "") -> None:
        """Tell all parts, and the application, once."""
        if self._close_code is not None:
            return
        self._close_code = int(code)
        self.sender.stop()
        self._receiver.stop()
        self.context.keepalive.stop(self)
        if self._pace is not None:
            self._pace.stop()
        self.writer.release()  # into nothing; but what waits there has to hear of the end
        if self.state is State.OPEN:
            self.context.counters.open -= 1
            self.context.counters.closed[self._close_code] += 1
            self.log_access("DISCONNECT", code)
        elif self.state is State.DECIDING:
            self.context.counters.handshakes[CLIENT_LEFT] += 1
        if self._application is not None:
            self._application.disconnect(self, self._close_code, reason)

    def _start_closing(self) -> None:
        """Wait for the client's side of the end, at most ``close_timeout``."""
        if self.state in (State.CLOSING, State.CLOSED):
            return
        self._enter(State.CLOSING)
        self._closing_timer = asyncio.get_running_loop().call_later(
            self.context.config.close_timeout, self.transport.abort
        )
        self.writer.stop_watch()  # this timeout is for a client that reads nothing, too
        self.reading.release_all()  # its close frame may lie behind what is held

    def _enter(self, state: State) -> None:
        self.state = state
        self._actions = _ACTIONS.get(state, {})
        if self._handshake is not None and state not in (State.DECIDING, State.DENYING):
            self._handshake.end()
            self._handshake = None

    # Access lines

    def log_access(self, action: str, code: int | None = None) -> None:
        if self.context.config.access_log:
            ended = action == "DISCONNECT"
            seconds = asyncio.get_running_loop().time() - self.opened if ended else None
            self.context.access.websocket(action, self._visitor(), code, seconds)

    def _visitor(self) -> Visitor:
        return Visitor.of(self.path, self.peer, self._headers)


def _pass(action: Callable[[Handshake, Event], None]) -> Action:
    """Leave what an application sends to the handshake."""

    def act(connection: WebSocketConnection, message: Event) -> None:
        action(connection.undecided, message)

    return act


#: What an application may send, by state; nothing in the others.
_ACTIONS: Mapping[State, Mapping[str, Action]] = {
    State.DECIDING: {
        "websocket.accept": _pass(Handshake.accept),
        "websocket.close": _pass(Handshake.deny),
        "websocket.http.response.start": _pass(Handshake.start_denial),
    },
    State.DENYING: {"websocket.http.response.body": _pass(Handshake.continue_denial)},
    State.OPEN: {
        "websocket.send": WebSocketConnection.send_message,
        "websocket.close": WebSocketConnection.close,
    },
}
