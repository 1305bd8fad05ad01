"""Reassembly: the frames of a fragmented message become one ASGI event (RFC 6455, 5.4)."""

from __future__ import annotations

from websockets.frames import Frame, Opcode

from channels_bridge.server.asgi_types import Event


class Assembler:
    """Joins the fragments of one message after another.

    The protocol of ``websockets`` has checked their order and their size together.
    """

    __slots__ = ("_parts", "_text")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._text = False  # the type of the message that the parts belong to

    def add(self, frame: Frame) -> Event | None:
        """Take a data frame. Returns the ASGI event of the message that it completes, if it does.

        Raises:
            UnicodeDecodeError: text that is not UTF-8.
        """
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
        if frame.data:  # a message of very many empty frames is an empty message
            self._parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        # Decoded as a whole: a character may lie in two fragments (RFC 6455, 5.6).
        data = b"".join(self._parts)
        self._parts.clear()
        if self._text:
            return {"type": "websocket.receive", "text": data.decode()}
        return {"type": "websocket.receive", "bytes": data}
