"""Receiving: frames become messages (reassembly, decompression), and the closing handshake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from websockets import protocol as sans_io
from websockets.exceptions import ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CloseCode, Frame, Opcode

from channels_bridge.server.asgi_types import Event
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.websocket.assembler import Assembler
from channels_bridge.server.websocket.fast_path import (
    Boundary,
    Inflate,
    inflater,
    read_message,
    read_pong,
)
from channels_bridge.server.websocket.flow_control import SLICE
from channels_bridge.server.websocket.frames import agreed, make_deflate
from channels_bridge.server.websocket.protocol_logger import quiet_logger
from channels_bridge.server.websocket.writer import Writer

_LOGGER = quiet_logger()


class Recipient(Protocol):
    """Is told what a client sends. It may call ``Receiver.stop`` in any of these."""

    def handle_message(self, event: Event) -> None:
        """A whole message, as its ASGI event."""

    def handle_ping(self) -> None:
        """A ping, whose answer is written once what was read with it is handled."""

    def handle_pong(self, payload: bytes) -> None:
        """A pong, whether or not there was a ping."""

    def handle_close(self, code: int, reason: str) -> None:
        """The client has closed, or has broken the protocol and is answered with this code."""

    def abandon(self, code: int, reason: str) -> None:
        """The client sent a text that is not UTF-8: the connection is to be failed."""


class Limits:
    """How much a client may send at once, as a configuration says it.

    Attributes:
        whole: bytes of the longest frame that needn't be looked at by the protocol.
        inflated: bytes that a message of one frame may have once it is decompressed; 0: any number.
        max_size: that of ``websockets``; the pair that it takes since 16.0 only where needed.
    """

    def __init__(self, config: ServerConfig) -> None:
        message, frame = config.max_message_size, config.max_frame_size
        self.whole = min(limit for limit in (message, frame, SLICE) if limit)
        self.inflated = min((limit for limit in (message, frame) if limit), default=0)
        self.max_size: Any = message or None
        if frame and not 0 < message <= frame:
            self.max_size = (message or None, frame)


class Receiver:
    """Reads the frames of an open connection, and closes it by the protocol (RFC 6455, 5 to 7).

    Messages of one frame take the fast path, compressed ones included; all else goes through the
    sans-I/O protocol of ``websockets``. That is made when it is needed first: it takes a KiB, and
    a connection of a browser doesn't need it until it is closed.

    Args:
        writer: takes what the protocol has to say.
        limits: shared by all connections.
    """

    __slots__ = (
        "_assembler",
        "_boundary",
        "_deflate",
        "_inflate",
        "_limits",
        "_protocol",
        "_recipient",
        "_wanted",
        "_writer",
    )

    def __init__(self, writer: Writer, limits: Limits) -> None:
        self._writer = writer
        self._limits = limits
        self._recipient: Recipient | None = None
        self._deflate: PerMessageDeflate | None = None
        self._inflate: Inflate | None = None  # where each message can be inflated by itself
        self._wanted = False  # messages are
        self._boundary: Boundary | None = None  # while what comes next begins no message
        self._assembler: Assembler | None = None  # of the message that the client has begun
        self._protocol: sans_io.Protocol | None = None

    def start(self, recipient: Recipient, deflate: PerMessageDeflate | None) -> None:
        """Begin to read frames; what came before is dropped.

        Args:
            recipient: is told of them.
            deflate: the compression that the handshake has agreed on.
        """
        self._recipient = recipient
        self._deflate = deflate
        if deflate is not None and deflate.remote_no_context_takeover:
            self._inflate = inflater(deflate.remote_max_window_bits, self._limits.inflated)
        self._wanted = True

    def stop(self) -> None:
        """Drop messages from now on. Control frames are still read, for the closing handshake."""
        self._wanted = False

    def end(self) -> None:
        """The connection is lost. Leaves no cycles for the garbage collector."""
        self._recipient = None
        if self._protocol is not None:
            self._protocol.parser_exc = None  # its traceback refers to the protocol
            self._protocol = None

    # Reading

    @property
    def left_of_frame(self) -> int:
        """How many of the next bytes belong to a frame that has begun; 0 where nobody follows."""
        return self._boundary.left if self._wanted and self._boundary is not None else 0

    def receive(self, data: bytes) -> None:
        """Handle what was read: ``SLICE`` bytes at most, or more of a frame that has begun."""
        recipient = self._recipient
        if recipient is None:
            return
        if self._wanted:
            data = self._take_whole(recipient, data)
            if not data:
                return
            # The protocol gets what it cannot give back: from here on it has to be known where
            # the next message begins, before one may be taken past it again.
            self._follow(data)
        self._read_frames(recipient, data)

    def _take_whole(self, recipient: Recipient, data: bytes) -> bytes:
        """Handle the whole messages that data begins with. Returns the rest."""
        start = 0
        # Whoever handles a message may have had enough: stop() is for the next one already.
        while start < len(data) and self._wanted and self._boundary is None:
            try:
                message = read_message(data, start, self._limits.whole, self._inflate)
            except UnicodeDecodeError as error:
                _refuse_text(recipient, error)
                break
            if message is not None:
                event, start = message
                recipient.handle_message(event)
            elif (pong := read_pong(data, start)) is not None:
                payload, start = pong
                recipient.handle_pong(payload)
            else:
                break
        return data[start:]

    def _follow(self, data: bytes) -> None:
        """Know where messages begin in what the protocol is given."""
        boundary = self._boundary or Boundary()
        boundary.advance(data)
        self._boundary = None if boundary.is_here else boundary

    def _read_frames(self, recipient: Recipient, data: bytes) -> None:
        protocol = self._made_protocol()
        protocol.receive_data(data)
        for frame in protocol.events_received():
            assert isinstance(frame, Frame)
            self._handlers[frame.opcode](self, recipient, frame)
        self._flush()  # pongs, and the answer to a close frame
        if protocol.parser_exc is not None:
            self._handle_violation(recipient, protocol)

    def _handle_data(self, recipient: Recipient, frame: Frame) -> None:
        """A text or binary message, or the next part of one."""
        if not self._wanted:
            return
        if self._assembler is None:
            self._assembler = Assembler()
        try:
            event = self._assembler.add(frame)
        except UnicodeDecodeError as error:
            _refuse_text(recipient, error)
            return
        if event is not None:
            self._assembler = None  # most messages are a frame: none is kept for the next one
            recipient.handle_message(event)

    def _handle_ping(self, recipient: Recipient, frame: Frame) -> None:
        recipient.handle_ping()  # the protocol has its answer ready

    def _handle_pong(self, recipient: Recipient, frame: Frame) -> None:
        recipient.handle_pong(bytes(frame.data))

    def _handle_close(self, recipient: Recipient, frame: Frame) -> None:
        """The client's close frame: its first word or the answer to ours."""
        close = self._made_protocol().close_rcvd
        assert close is not None
        recipient.handle_close(close.code, close.reason)

    _handlers: dict[Opcode, Callable[[Receiver, Recipient, Frame], None]] = {
        Opcode.TEXT: _handle_data,
        Opcode.BINARY: _handle_data,
        Opcode.CONT: _handle_data,
        Opcode.PING: _handle_ping,
        Opcode.PONG: _handle_pong,
        Opcode.CLOSE: _handle_close,
    }

    def _handle_violation(self, recipient: Recipient, protocol: sans_io.Protocol) -> None:
        """The client broke the protocol or a limit: websockets has answered with a close code."""
        sent = protocol.close_sent
        if sent is None:
            recipient.handle_close(CloseCode.ABNORMAL_CLOSURE, "")
        else:
            recipient.handle_close(sent.code, sent.reason)

    # The closing handshake

    def close(self, code: int, reason: str) -> None:
        """Write a close frame, and wait for the client's.

        Raises:
            ValueError: a close frame can't have this code or reason.
        """
        try:
            self._made_protocol().send_close(code, reason)
        except ProtocolError as error:
            raise ValueError(
                f"cannot close with code {code} and reason {reason!r}: {error}"
            ) from None
        self._flush()

    def fail(self, code: int, reason: str) -> None:
        """Write a close frame, and read nothing more (RFC 6455, 7.1.7)."""
        self._made_protocol().fail(code, reason)
        self._flush()

    def receive_eof(self) -> None:
        """The client has ended its side of the stream: end the server's."""
        if self._protocol is None:
            self._writer.half_close()
        else:
            self._protocol.receive_eof()
            self._flush()

    def _made_protocol(self) -> sans_io.Protocol:
        if self._protocol is None:
            self._protocol = sans_io.Protocol(
                sans_io.Side.SERVER, max_size=self._limits.max_size, logger=_LOGGER
            )
            if self._deflate is not None:
                # Its own: inflating keeps a state, where that which builds frames is shared.
                self._protocol.extensions = [make_deflate(agreed(self._deflate))]
        return self._protocol

    def _flush(self) -> None:
        self._writer.write_all(self._made_protocol().data_to_send())


def _refuse_text(recipient: Recipient, error: UnicodeDecodeError) -> None:
    recipient.abandon(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
