"""Outgoing frames, and the flow control of what is written (RFC 9113, 5.2)."""

from __future__ import annotations

import struct
from collections import deque

from channels_bridge.groups.grpc.http2.grpc_messages import PREFIX, PREFIX_SIZE
from channels_bridge.groups.grpc.http2.http2_frames import (
    DATA,
    DEFAULT_FRAME_SIZE,
    FLOW_CONTROL_ERROR,
    Violation,
)
from channels_bridge.groups.grpc.http2.incoming_room import DEFAULT_WINDOW

#: The most that anybody may have room for.
MAX_WINDOW = 2**31 - 1

#: What a frame of DATA begins with: length and type together, flags, stream.
_HEAD = struct.Struct(">IBI")
#: The same, and what precedes a message.
_HEAD_AND_PREFIX = struct.Struct(">IBIBI")


class Outgoing:
    """Frames in the order in which they are written; of messages as much as there is room for.

    Attributes:
        stream: that of the call.
        frame_size: the longest frame that the other side reads.
        put_size: bytes of all frames that flow control doesn't hold back.
    """

    def __init__(self, stream: int = 0) -> None:
        self.stream = stream
        self.frame_size = DEFAULT_FRAME_SIZE
        self.put_size = 0
        self._frames: list[bytes | memoryview] = []  # that may be written
        self._unsent: deque[memoryview] = deque()  # of messages
        self._unsent_size = 0
        self._last = b""  # what is written behind all messages
        self._room = DEFAULT_WINDOW  # of the connection
        self._call_room = DEFAULT_WINDOW
        self._window = DEFAULT_WINDOW  # of a new stream

    @property
    def has_unsent(self) -> bool:
        """Whether a part of a message waits until the other side has room for it."""
        return bool(self._unsent_size)

    def put(self, frame: bytes) -> None:
        """Append a frame that flow control doesn't hold back."""
        self.put_size += len(frame)
        self._frames.append(frame)

    def put_last(self, frames: bytes) -> None:
        """Append frames that come behind all messages."""
        self._last += frames

    def send(self, message: bytes) -> None:
        """Append a message."""
        size = len(message) + PREFIX_SIZE
        if size <= self._free and not self._unsent_size:
            # The short way, as nearly all go.
            head = _HEAD_AND_PREFIX.pack(size << 8 | DATA, 0, self.stream, 0, len(message))
            self._frames += (head, message)
            self._use(size)
        else:
            prefix = PREFIX.pack(0, len(message))
            self._unsent += (memoryview(prefix), memoryview(message))
            self._unsent_size += size

    def discard(self) -> None:
        """Forget what waits for room."""
        self._unsent.clear()
        self._unsent_size = 0

    def take(self) -> bytes:
        """Return what may be written now."""
        while self._unsent_size and (size := min(self._unsent_size, self._free)) > 0:
            self._frames.append(_HEAD.pack(size << 8 | DATA, 0, self.stream))
            self._cut(size)
            self._use(size)
        if self._last and not self._unsent_size:
            self._frames.append(self._last)
            self._last = b""
        frames, self._frames = self._frames, []
        return b"".join(frames)

    # What the other side says.

    def add_room(self, size: int) -> None:
        """There is more room on the connection. Raises Violation."""
        self._room = _checked(self._room + size)

    def add_call_room(self, size: int) -> None:
        """There is more room for the call. Raises Violation."""
        self._call_room = _checked(self._call_room + size)

    def set_window(self, size: int) -> None:
        """A new stream has so much room; the call has as much more or less. Raises Violation."""
        self._call_room = _checked(self._call_room + _checked(size) - self._window)
        self._window = size

    @property
    def _free(self) -> int:
        """The longest frame that may be written now; it may be less than 0."""
        return min(self.frame_size, self._room, self._call_room)

    def _use(self, size: int) -> None:
        self._room -= size
        self._call_room -= size

    def _cut(self, size: int) -> None:
        """Move so much of the messages to what is written."""
        self._unsent_size -= size
        while size:
            part = self._unsent.popleft()
            if len(part) > size:
                self._unsent.appendleft(part[size:])
                part = part[:size]
            self._frames.append(part)
            size -= len(part)


def _checked(window: int) -> int:
    if window > MAX_WINDOW:
        raise Violation(FLOW_CONTROL_ERROR, "a window is too large")
    return window
