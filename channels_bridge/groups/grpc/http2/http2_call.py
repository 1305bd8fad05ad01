"""One gRPC call over one connection, as both of its sides have it (RFC 9113): no I/O."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from channels_bridge.groups.grpc.http2.call_headers import MAX_HEADERS, HeaderReader, Headers
from channels_bridge.groups.grpc.http2.grpc_messages import MessageReader, MessageRefused
from channels_bridge.groups.grpc.http2.http2_frames import (
    ACK,
    ALL,
    CONTINUATION,
    DATA,
    DEFAULT_FRAME_SIZE,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    GREATEST_FRAME_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LARGE_FRAME_SIZE,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    PING,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    FrameReader,
    Violation,
    frame,
    goaway,
    read_settings,
    settings,
    window_update,
)
from channels_bridge.groups.grpc.http2.incoming_room import DEFAULT_WINDOW, WINDOW, IncomingRoom
from channels_bridge.groups.grpc.http2.outgoing import MAX_WINDOW, Outgoing

#: How many frames may come without a message, in so many seconds: none does more than acknowledge
#: and allow, and each may have to be answered. Messages in either way begin it anew; what is
#: said in other streams doesn't.
MAX_IDLE_FRAMES = 1000
IDLE_SECONDS = 10

#: The greatest number of a stream.
_STREAM = 2**31 - 1


class Http2Call(ABC):
    """One side of a call.

    Args:
        stream: the number of the call; 0 while there is none.
        max_message: bytes that a message of the other side may have.

    Attributes:
        is_over: whether the other side has ended it.
        is_greeted: whether the other side has said that it speaks HTTP/2.
    """

    #: What is said of who doesn't even begin as HTTP/2 does.
    STRANGER = "it speaks another protocol"

    def __init__(self, stream: int, max_message: int) -> None:
        self.is_over = False
        self._outgoing = Outgoing(stream)
        self._reader = FrameReader(self._on_data, self._on_content, self._on_frame)
        self._headers = HeaderReader()
        self._messages = MessageReader(max_message)
        self._taken: list[bytes] = []
        self._room = IncomingRoom()
        self._call_room = IncomingRoom()
        self.is_greeted = False
        self._is_wanted = False  # whether the DATA that is coming belongs to the call
        self._idle_frames = 0
        self._idle_since = 0.0
        self._handlers: dict[int, Callable[[int, int, bytes], None]] = {
            DATA: self._on_end_of_data,
            HEADERS: self._on_headers,
            RST_STREAM: self._on_rst_stream,
            SETTINGS: self._on_settings,
            PUSH_PROMISE: self._on_push_promise,
            PING: self._on_ping,
            GOAWAY: self._on_goaway,
            WINDOW_UPDATE: self._on_window_update,
            CONTINUATION: self._on_continuation,
        }

    @property
    def has_unsent(self) -> bool:
        """Whether a part of a message waits until the other side has room for it."""
        return self._outgoing.has_unsent

    @property
    def replied(self) -> int:
        """How many bytes there were to write so far beside messages."""
        return self._outgoing.put_size

    def send(self, message: bytes) -> None:
        """Append a message to what is to be written."""
        self._idle_frames = 0
        self._outgoing.send(message)

    def ping(self) -> None:
        """Append what the other side answers at once."""
        self._outgoing.put(frame(PING, 0, ALL, bytes(8)))

    def take_output(self) -> bytes:
        """Return what may be written now."""
        return self._outgoing.take()

    def receive(self, data: bytes) -> list[bytes]:
        """Take what the other side wrote, and return the messages that are complete now.

        Raises:
            Violation: it doesn't keep to the protocol. What is still to be written says so, and
                nothing more may be received.
        """
        try:
            self._read(data)
        except Violation as found:
            violation = found if self.is_greeted else Violation(found.code, self.STRANGER)
            self._outgoing.discard()
            self._outgoing.put_last(goaway(self._last_stream, violation.code, str(violation)))
            self.is_over = True
            raise violation from None
        taken, self._taken = self._taken, []
        return taken

    def _read(self, data: bytes) -> None:
        self._reader.feed(data)

    def _open(self, values: dict[int, int]) -> None:
        """Write what each side begins with."""
        common = {
            INITIAL_WINDOW_SIZE: WINDOW,
            MAX_FRAME_SIZE: LARGE_FRAME_SIZE,
            MAX_HEADER_LIST_SIZE: MAX_HEADERS,
        }
        self._outgoing.put(settings(values | common))
        self._outgoing.put(window_update(ALL, WINDOW - DEFAULT_WINDOW))

    # What the two sides do otherwise.

    @property
    @abstractmethod
    def _last_stream(self) -> int:
        """The last stream of the other side's that was looked at."""

    @abstractmethod
    def _is_idle(self, stream: int) -> bool:
        """Whether nobody has begun a stream of that number."""

    @abstractmethod
    def _take_headers(self, flags: int, stream: int, headers: Headers) -> None:
        """Headers are there as a whole. Raises Violation."""

    @abstractmethod
    def _refuse(self, refused: MessageRefused) -> None:
        """A message isn't read. Raises Violation, or ends the call."""

    @abstractmethod
    def _on_reset(self, code: int) -> None:
        """The other side has ended the call, at once."""

    @abstractmethod
    def _on_goaway(self, flags: int, stream: int, content: bytes) -> None:
        """The other side is about to end the connection."""

    # Frames.

    def _on_frame(self, kind: int, flags: int, stream: int, content: bytes) -> None:
        if not self.is_greeted and (kind != SETTINGS or flags & ACK):
            raise Violation(PROTOCOL_ERROR, self.STRANGER)
        if self._headers.stream and kind != CONTINUATION:
            raise Violation(PROTOCOL_ERROR, "headers are interrupted")
        if not (kind == DATA and flags & END_STREAM):
            self._count_idle()
        if kind in self._handlers:  # others have to be ignored
            self._handlers[kind](flags, stream, content)

    def _count_idle(self) -> None:
        """Bound what is answered without being asked for anything."""
        self._idle_frames += 1
        if self._idle_frames == 1:
            self._idle_since = time.monotonic()
        elif self._idle_frames > MAX_IDLE_FRAMES:
            if time.monotonic() - self._idle_since < IDLE_SECONDS:
                raise Violation(ENHANCE_YOUR_CALM, "too many frames without a message")
            self._idle_frames = 0

    def _on_data(self, stream: int, size: int) -> None:
        if not self.is_greeted or self._headers.stream or self._is_idle(stream):
            raise Violation(PROTOCOL_ERROR, "content that belongs to nothing")
        is_ours = stream == self._outgoing.stream
        if size and is_ours:
            self._idle_frames = 0
        else:
            self._count_idle()
        if more := self._room.take(size):
            self._outgoing.put(window_update(ALL, more))
        self._is_wanted = is_ours and not self.is_over
        if self._is_wanted and (more := self._call_room.take(size)):
            self._outgoing.put(window_update(stream, more))

    def _on_content(self, data: bytes, at: int, stop: int) -> None:
        if not self._is_wanted:
            return
        try:
            self._messages.feed(data, at, stop, self._taken)
        except MessageRefused as refused:
            self._is_wanted = False
            self._refuse(refused)

    def _on_end_of_data(self, flags: int, stream: int, content: bytes) -> None:
        if stream == self._outgoing.stream:
            self._end()

    def _end(self) -> None:
        """The other side has said all."""
        self.is_over = True

    def _on_headers(self, flags: int, stream: int, content: bytes) -> None:
        if not stream:
            raise Violation(PROTOCOL_ERROR, "headers of no stream")
        complete = self._headers.begin(flags, stream, content)
        if complete is not None:
            self._take_headers(complete[0], stream, complete[1])

    def _on_continuation(self, flags: int, stream: int, content: bytes) -> None:
        complete = self._headers.go_on(flags, stream, content)
        if complete is not None:
            self._take_headers(complete[0], stream, complete[1])

    def _on_rst_stream(self, flags: int, stream: int, content: bytes) -> None:
        _require_size(content, 4)
        if self._is_idle(stream):
            raise Violation(PROTOCOL_ERROR, "a stream is reset that nobody has begun")
        if stream == self._outgoing.stream:
            self._on_reset(int.from_bytes(content, "big"))

    def _on_push_promise(self, flags: int, stream: int, content: bytes) -> None:
        raise Violation(PROTOCOL_ERROR, "nobody wants to be pushed to")

    def _on_settings(self, flags: int, stream: int, content: bytes) -> None:
        if stream != ALL:
            raise Violation(PROTOCOL_ERROR, "settings of a stream")
        if flags & ACK:
            _require_size(content, 0)
            return
        for name, value in read_settings(content):
            self._set(name, value)
        self.is_greeted = True
        self._outgoing.put(frame(SETTINGS, ACK, ALL))

    def _set(self, name: int, value: int) -> None:
        if name == INITIAL_WINDOW_SIZE:
            if value > MAX_WINDOW:
                raise Violation(FLOW_CONTROL_ERROR, "a window is too large")
            self._outgoing.set_window(value)
        elif name == MAX_FRAME_SIZE:
            if not DEFAULT_FRAME_SIZE <= value <= GREATEST_FRAME_SIZE:
                raise Violation(PROTOCOL_ERROR, "no frame has that size")
            self._outgoing.frame_size = value

    def _on_ping(self, flags: int, stream: int, content: bytes) -> None:
        _require_size(content, 8)
        if stream != ALL:
            raise Violation(PROTOCOL_ERROR, "a ping of a stream")
        if not flags & ACK:
            self._outgoing.put(frame(PING, ACK, ALL, content))

    def _on_window_update(self, flags: int, stream: int, content: bytes) -> None:
        _require_size(content, 4)
        more = int.from_bytes(content, "big") & _STREAM
        if not more or (stream != ALL and self._is_idle(stream)):
            raise Violation(PROTOCOL_ERROR, "room is made for nothing")
        if stream == ALL:
            self._outgoing.add_room(more)
        elif stream == self._outgoing.stream:
            self._outgoing.add_call_room(more)


def _require_size(content: bytes, size: int) -> None:
    if len(content) != size:
        raise Violation(FRAME_SIZE_ERROR, "a frame has another size than it must have")
