"""Messages of gRPC: each is preceded by whether it is compressed, and by its length."""

from __future__ import annotations

import struct

from channels_bridge.groups.grpc.http2.call_headers import RESOURCE_EXHAUSTED, UNIMPLEMENTED

#: Whether it is compressed, and its length.
PREFIX = struct.Struct(">BI")
PREFIX_SIZE = PREFIX.size


class MessageRefused(Exception):
    """A message that isn't read. The message says why.

    Attributes:
        status: of gRPC.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class MessageReader:
    """Puts messages together, however they are cut.

    Args:
        most: bytes that one may have.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._part = bytearray()  # of one that isn't there as a whole, with what precedes it
        self._size = PREFIX_SIZE  # of that one, all in all, as far as that is known

    def feed(self, data: bytes, at: int, stop: int, messages: list[bytes]) -> None:
        """Append those that are complete with this part of ``data``.

        Raises:
            MessageRefused: one is too long, or compressed; nothing of it is kept.
        """
        while at < stop:
            is_begun = bool(self._part) or stop - at < PREFIX_SIZE
            if not is_begun and (end := self._end_of(data, at)) <= stop:
                messages.append(data[at + PREFIX_SIZE : end])
                at = end
            else:
                at = self._collect(data, at, stop, messages)

    def _collect(self, data: bytes, at: int, stop: int, messages: list[bytes]) -> int:
        """Take what there is of one. Returns where that ends."""
        end = min(stop, at + self._size - len(self._part))
        self._part += memoryview(data)[at:end]
        if len(self._part) == PREFIX_SIZE:
            self._size = self._end_of(self._part, 0)
        if len(self._part) == self._size:
            messages.append(bytes(memoryview(self._part)[PREFIX_SIZE:]))
            self._part = bytearray()
            self._size = PREFIX_SIZE
        return end

    def _end_of(self, data: bytes | bytearray, at: int) -> int:
        """Where the message that begins there ends."""
        is_compressed, size = PREFIX.unpack_from(data, at)
        if is_compressed:
            raise MessageRefused(UNIMPLEMENTED, "compressed messages are not supported")
        if size > self._most:
            raise MessageRefused(RESOURCE_EXHAUSTED, f"a message has more than {self._most} bytes")
        return at + PREFIX_SIZE + int(size)
