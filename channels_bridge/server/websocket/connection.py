"""An open WebSocket: its client's messages to the application, and the application's to it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode

from channels_bridge.server.asgi_types import Event
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.websocket.assembler import Assembler
from channels_bridge.server.websocket.client_limits import Pace
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.fast_path import Boundary, read_plain, read_pong
from channels_bridge.server.websocket.flow_control import SLICE, Reason
from channels_bridge.server.websocket.frames import Payload
from channels_bridge.server.websocket.handshake import Handshake
from channels_bridge.server.websocket.keepalive import Client
from channels_bridge.server.websocket.lifecycle import State
from channels_bridge.server.websocket.thread_outbox import Outbox


class WebSocketConnection(Handshake):
    """One connection, from its request to its end; its parts are in the classes that it is made of.

    Attributes:
        about: returns what the application knows of the connection, as JSON can hold it.
    """

    __slots__ = (
        "_assembler",
        "_boundary",
        "_outbox",
        "_pace",
        "_plain_limit",
        "about",
        "pinged",
        "turn",
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.about: Callable[[], dict[str, Any]] = dict
        self._boundary: Boundary | None = None  # while what comes next begins no message
        self._plain_limit = _plain_limit(self.config)
        self._pace: Pace | None = None  # where the configuration limits it
        self._assembler: Assembler | None = None  # of the message that the client has begun
        self.pinged: bytes | None = None
        self.turn: set[Client] | None = None
        self._outbox: Outbox | None = None  # where other threads send, too

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        if self.state is not State.DENYING:  # else: what is sent to no WebSocket
            self.reading.receive(data)

    def _handle(self, data: bytes) -> None:
        if self.state is State.OPEN:
            data = self._take_plain(data)
            if not data:
                return
            self._follow(data)
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            assert isinstance(event, Frame)
            self._frame_handlers[event.opcode](self, event)
        self._flush()
        if self.protocol.parser_exc is not None:
            self._handle_violation()

    def eof_received(self) -> None:
        if self._protocol is None:
            self.writer.half_close()
        else:
            self._protocol.receive_eof()
            self._flush()
        self.reading.end()
        self._leave_place()
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        self._start_closing()

    def _enter(self, state: State) -> None:
        super()._enter(state)
        self.context.keepalive.stop(self)
        if self._pace is not None:
            self._pace.stop()

    def _begin(self) -> None:
        self.context.keepalive.start(self)
        if self.config.max_message_rate or self.config.idle_timeout:
            self._pace = Pace(self.config, self._idle)

    # From the client

    def _take_plain(self, data: bytes) -> bytes:
        """Handle the plain messages that it begins with. Returns the rest."""
        start = 0
        while start < len(data) and self.state is State.OPEN and self._boundary is None:
            try:
                plain = read_plain(data, start, self._plain_limit)
            except UnicodeDecodeError as error:
                self._handle_invalid_text(error)
                break
            if plain is not None:
                event, start = plain
                self._handle_message(event)
            elif (pong := read_pong(data, start)) is not None:
                payload, start = pong
                self.context.keepalive.answered(self, payload)
            else:
                break
        return data[start:]

    def _follow(self, data: bytes) -> None:
        """Know where messages begin in what the protocol is given."""
        boundary = self._boundary or Boundary()
        boundary.advance(data)
        self._boundary = None if boundary.is_here else boundary

    def handle_data(self, frame: Frame) -> None:
        """A text or binary message, or the next part of one."""
        if self._disconnected:
            return
        if self._assembler is None:
            self._assembler = Assembler()
        try:
            event = self._assembler.add(frame)
        except UnicodeDecodeError as error:
            self._handle_invalid_text(error)
            return
        if event is not None:
            self._assembler = None
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
        elif self.writer.is_full:
            self.reading.hold(Reason.ANSWERS)

    def handle_pong(self, frame: Frame) -> None:
        self.context.keepalive.answered(self, bytes(frame.data))

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
        self._empty_outbox()
        self.protocol.fail(code, reason)
        self._disconnect(code, reason)
        self._flush()
        self._start_closing()

    def ping(self, payload: bytes) -> None:
        self.writer.write(Frame(Opcode.PING, payload).serialize(mask=False))

    def pong_overdue(self) -> None:
        # It may lie unread behind messages, which is our slowness; or our ping lies behind others,
        # and how long that may take is for the watch on writing to say.
        if self.reading.is_held(Reason.INBOX) or self.writer.is_watched:
            self.context.keepalive.wait(self)
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

    def send_now(self, payload: Payload) -> bool:
        """Send a message, unless that must wait or there is nobody to send it to.

        It is written together with others of this round of the loop: messages to groups come in
        bunches.

        Returns:
            Whether it was sent.
        """
        if self.writer.is_full or self.state is not State.OPEN:
            return False
        self._send(payload, more=True)
        return True

    def send_message(self, message: Event) -> None:
        """``websocket.send``.

        While more waits for the application, its next message may be on the way.
        """
        self._send(_payload(message), more=self.inbox.waiting > 0)

    def _send(self, payload: Payload, *, more: bool) -> None:
        """One frame, written past the protocol, which has no part in it."""
        self.counters.sent += 1
        self.writer.write(self.context.frames.frame(payload, self._deflate), more=more)

    def open_outbox(self) -> Callable[[Event], bool]:
        """Return what takes messages from other threads; to be asked for on the event loop.

        It is called with a ``websocket.send``, in any thread, and checks it as ``send`` does. What
        it has taken will be written: before what that thread has done on the loop afterwards, and
        before the close frame where it is our side that closes. It takes nothing while ``send``
        would wait, and as much as an :class:`Outbox` holds ahead of the loop. It returns whether it
        has taken the message; otherwise ``send`` is to be awaited for it.
        """
        if self._outbox is None:
            self._outbox = Outbox(self._send_late, self.context.crossing)
        return functools.partial(self._put_out, self._outbox)

    def _put_out(self, outbox: Outbox, message: Event) -> bool:
        """In another thread."""
        if message["type"] != "websocket.send" or self.state is not State.OPEN:
            return False
        return not self.writer.is_full and outbox.put(_payload(message))

    def _send_late(self, payload: Payload, more: bool) -> None:
        if self.state is State.OPEN:
            self._send(payload, more=more or self.inbox.waiting > 0)

    def _empty_outbox(self) -> None:
        if self._outbox is not None:
            self._outbox.flush()

    def close(self, message: Event) -> None:
        """``websocket.close`` after acceptance."""
        code, reason = message.get("code", CloseCode.NORMAL_CLOSURE), message.get("reason") or ""
        self._empty_outbox()
        try:
            self.protocol.send_close(code, reason)
        except ProtocolError as error:
            raise ValueError(
                f"cannot close with code {code} and reason {reason!r}: {error}"
            ) from None
        self._flush()
        self._disconnect(code, reason)
        self._start_closing()

    ACTIONS = {
        **Handshake.ACTIONS,
        State.OPEN: {"websocket.send": send_message, "websocket.close": close},
    }

    # The end

    def fail(self) -> int:
        if self.state is State.DECIDING:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error\n")
        elif self.state is State.DENYING:
            self.transport.abort()
        elif self.state is State.OPEN:
            self.close({"type": "websocket.close", "code": CloseCode.INTERNAL_ERROR})
        return self._close_code

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
            self._refuse(HTTPStatus.FORBIDDEN, "")
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
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The server is shutting down.\n")
        elif self.state is State.REQUEST:
            self.transport.close()


def _payload(message: Event) -> Payload:
    """What an application wants sent, in a form that nobody can change afterwards."""
    text: Any = message.get("text")
    data: Any = message.get("bytes")
    if (text is None) == (data is None):
        raise ValueError("websocket.send takes one of text and bytes")
    if text is None:
        return data if type(data) is bytes else bytes(memoryview(data))
    if not isinstance(text, str):
        raise ValueError(f"text is a {type(text).__name__}; it must be a str")
    return text


def _plain_limit(config: ServerConfig) -> int:
    """The longest frame that needn't be looked at by the protocol."""
    return min(limit for limit in (config.max_message_size, config.max_frame_size, SLICE) if limit)
