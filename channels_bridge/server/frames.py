"""Frames of outgoing messages. A server's frames are not masked, so equal messages have equal
frames: that of the last message is kept, and a group's members are sent the same bytes."""

from __future__ import annotations

from websockets.frames import Frame, Opcode


class FrameCache:
    """Builds frames, each payload's once while it repeats; one for all connections of a worker."""

    __slots__ = ("_frame", "_payload")

    def __init__(self) -> None:
        self._payload: str | bytes | None = None
        self._frame = b""

    def frame(self, payload: str | bytes) -> bytes:
        """The frame of a message: text for a str, binary for bytes (RFC 6455, 5.2)."""
        if payload != self._payload or type(payload) is not type(self._payload):
            if isinstance(payload, str):
                frame = Frame(Opcode.TEXT, payload.encode())
            else:
                frame = Frame(Opcode.BINARY, payload)
            self._frame = frame.serialize(mask=False)
            self._payload = payload
        return self._frame
