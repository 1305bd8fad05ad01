"""Frames of HTTP/2 (RFC 9113, 4 and 6): their names, and how they are written and read."""

from __future__ import annotations

import struct
from collections.abc import Callable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Types of frames.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9

# Flags.
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

# Settings.
ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 2, 3, 4, 5
MAX_HEADER_LIST_SIZE = 6

# Errors.
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = 5, 6, 7, 8, 9
ENHANCE_YOUR_CALM = 11

#: The connection itself, where a frame has the number of a stream.
ALL = 0

HEADER_SIZE = 9
#: The longest frame that may be written before anybody has said more, and the longest that is kept
#: until it is there as a whole: all but DATA.
DEFAULT_FRAME_SIZE = 16_384
#: The longest DATA that is read: a batch is one frame.
LARGE_FRAME_SIZE = 1024 * 1024
#: The longest that anybody can allow.
GREATEST_FRAME_SIZE = 2**24 - 1

#: The most settings that are read of one frame: there are fewer than ten, and room for 2,730.
MAX_SETTINGS = 100

#: Length and type together, flags, stream.
_HEAD = struct.Struct(">IBI")
_SETTING = struct.Struct(">HI")


class Violation(ConnectionError):
    """The other side doesn't keep to the protocol. The message says in what.

    Attributes:
        code: of HTTP/2, by which it is told.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    """Return a frame."""
    return _HEAD.pack(len(content) << 8 | kind, flags, stream) + content


def settings(values: dict[int, int]) -> bytes:
    """Return a SETTINGS frame."""
    content = b"".join(_SETTING.pack(name, value) for name, value in values.items())
    return frame(SETTINGS, 0, ALL, content)


def read_settings(content: bytes) -> list[tuple[int, int]]:
    """Return names and values. Raises Violation."""
    if len(content) % _SETTING.size:
        raise Violation(FRAME_SIZE_ERROR, "half of a setting")
    if len(content) > MAX_SETTINGS * _SETTING.size:
        raise Violation(ENHANCE_YOUR_CALM, "too many settings")
    return list(_SETTING.iter_unpack(content))


def window_update(stream: int, size: int) -> bytes:
    """Return a WINDOW_UPDATE frame."""
    return frame(WINDOW_UPDATE, 0, stream, size.to_bytes(4, "big"))


def reset(stream: int, code: int) -> bytes:
    """Return a RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def goaway(last: int, code: int, reason: str) -> bytes:
    """Return a GOAWAY frame, with the last stream that was served and a word for people."""
    said = last.to_bytes(4, "big") + code.to_bytes(4, "big") + reason.encode()
    return frame(GOAWAY, 0, ALL, said)


class FrameReader:
    """Cuts what comes into frames.

    The content of DATA is handed on as it comes, so that nothing of it is kept here.

    Args:
        on_data: called with stream and size once such a frame begins.
        on_content: called with bytes, and where in them a part of its content is.
        on_frame: called with type, flags, stream and content of any other frame; with those of DATA
            that ends its stream, without its content.
    """

    def __init__(
        self,
        on_data: Callable[[int, int], None],
        on_content: Callable[[bytes, int, int], None],
        on_frame: Callable[[int, int, int, bytes], None],
    ) -> None:
        self._on_data = on_data
        self._on_content = on_content
        self._on_frame = on_frame
        self._rest = b""  # of a frame that isn't there as a whole
        self._stream = 0  # of DATA that is coming
        self._ends = False  # whether it ends its stream
        self._content_left = 0
        self._padding_left = 0

    def feed(self, data: bytes) -> None:
        """Take what the other side has written. Raises Violation."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, end = 0, len(data)
        while at < end:
            if self._content_left or self._padding_left:
                at = self._read_content(data, at, end)
            elif (stop := self._read_frame(data, at, end)) == at:
                self._rest = data[at:]
                break
            else:
                at = stop

    def _read_frame(self, data: bytes, at: int, end: int) -> int:
        """Read what begins there. Returns where it ends: there, if it isn't there as a whole."""
        content = at + HEADER_SIZE
        if content > end:
            return at
        size, flags, stream = _HEAD.unpack_from(data, at)
        size, kind = size >> 8, size & 0xFF
        stream &= 0x7FFF_FFFF
        if kind == DATA:
            return self._begin_data(data, content, end, size, flags, stream)
        if size > DEFAULT_FRAME_SIZE:
            raise Violation(FRAME_SIZE_ERROR, "a frame is too long")
        stop: int = content + size
        if stop > end:
            return at
        self._on_frame(kind, flags, stream, data[content:stop])
        return stop

    def _begin_data(
        self, data: bytes, content: int, end: int, size: int, flags: int, stream: int
    ) -> int:
        if size > LARGE_FRAME_SIZE:
            raise Violation(FRAME_SIZE_ERROR, "a frame is too long")
        padding = 0
        if flags & PADDED:
            if not size:
                raise Violation(FRAME_SIZE_ERROR, "a frame has no room for its padding")
            if content == end:
                return content - HEADER_SIZE
            padding = data[content] + 1
            if padding > size:
                raise Violation(PROTOCOL_ERROR, "a frame is shorter than its padding")
            content += 1
        self._on_data(stream, size)
        self._stream, self._ends = stream, bool(flags & END_STREAM)
        self._content_left = size - padding
        self._padding_left = max(padding - 1, 0)
        if self._content_left or self._padding_left:
            return content
        self._end_data()
        return content

    def _read_content(self, data: bytes, at: int, end: int) -> int:
        """Read as much of DATA as there is. Returns where that ends."""
        if self._content_left:
            stop = min(end, at + self._content_left)
            self._content_left -= stop - at
            self._on_content(data, at, stop)
        else:
            stop = min(end, at + self._padding_left)
            self._padding_left -= stop - at
        if not (self._content_left or self._padding_left):
            self._end_data()
        return stop

    def _end_data(self) -> None:
        if self._ends:
            self._on_frame(DATA, END_STREAM, self._stream, b"")
