"""A fast path for plain messages, past the ``websockets`` protocol, which takes much longer.

A *plain* message is one frame, uncompressed, and there as a whole: what clients send where no
compression was agreed on, and what those send that leave short messages uncompressed. Browsers
compress each message once compression is agreed on, whatever its length, and so does the client of
``websockets``: theirs are not plain, and go through the protocol.

Plain frames are taken here (RFC 6455, 5.2). Everything else (fragments of messages, compression,
control frames other than pongs, frames that are cut by the end of what was read, and whatever is
wrong) is the protocol's, which cannot give back what it was given: ``Boundary`` follows that, and
knows when the next message begins, which may be taken here again.
"""

from __future__ import annotations

try:
    from websockets.speedups import apply_mask
except ImportError:  # websockets was built without a compiler
    from websockets.utils import apply_mask

from channels_bridge.server.asgi_types import Event

FIN = 0x80
TEXT, BINARY, PONG = 0x1, 0x2, 0xA
CONTROL = 0x08
MASKED = 0x80

#: Bytes of a control frame's payload (RFC 6455, 5.5).
LONGEST_CONTROL = 125

#: Bytes of a header: two, the mask, and an extended length for these values of the second one.
SHORTEST_HEADER = 2 + 4
EXTENDED = {126: 2, 127: 8}


def read_plain(data: bytes, start: int, limit: int) -> tuple[Event, int] | None:
    """Read the frame that begins at ``start``, if it is a plain message.

    Args:
        data: what a client sent.
        start: where a frame begins that is not part of a longer message.
        limit: the longest payload taken; 65,535 at most have an effect.

    Returns:
        Its ASGI event and where the frame ends; None where it is for the protocol.

    Raises:
        UnicodeDecodeError: text that is not UTF-8.
    """
    if len(data) - start < SHORTEST_HEADER:
        return None
    # The bits that a plain message has are taken away: FIN and MASK. Whatever else there is, such
    # as a reserved bit (compression) or the lack of a mask, makes a number that is out of range.
    opcode, length, mask = data[start] ^ FIN, data[start + 1] ^ MASKED, start + 2
    if opcode not in (TEXT, BINARY) or length > 126:
        return None
    if length == 126:
        length, mask = data[mask] << 8 | data[mask + 1], mask + 2
    payload = mask + 4
    end = payload + length
    if length > limit or end > len(data):
        return None
    content = apply_mask(data[payload:end], data[mask:payload])
    if opcode == TEXT:
        return {"type": "websocket.receive", "text": content.decode()}, end
    return {"type": "websocket.receive", "bytes": content}, end


def read_pong(data: bytes, start: int) -> tuple[bytes, int] | None:
    """Read the frame that begins at ``start``, if it is a pong and there as a whole.

    It is what idle connections get, and shouldn't need a protocol for that.

    Returns:
        Its payload, and where the frame ends.
    """
    if len(data) - start < SHORTEST_HEADER or data[start] != FIN | PONG:
        return None
    length, payload = data[start + 1] ^ MASKED, start + SHORTEST_HEADER
    end = payload + length
    if length > LONGEST_CONTROL or end > len(data):
        return None
    return apply_mask(data[payload:end], data[start + 2 : payload]), end


class Boundary:
    """Whether what comes next from a client is the beginning of a message."""

    __slots__ = ("_header", "_in_message", "_left")

    def __init__(self) -> None:
        self._header = bytearray()  # as far as it is known
        self._left = 0  # of the payload
        self._in_message = False

    @property
    def is_here(self) -> bool:
        return not (self._in_message or self._left or self._header)

    def advance(self, data: bytes) -> None:
        """Follow what the protocol is given."""
        position = 0
        while position < len(data):
            if self._left:
                step = min(self._left, len(data) - position)
                self._left -= step
                position += step
            else:
                self._header.append(data[position])
                position += 1
                self._end_header_if_complete()

    def _end_header_if_complete(self) -> None:
        header = self._header
        if len(header) < 2:
            return
        short = header[1] & ~MASKED
        extended = EXTENDED.get(short, 0)
        if len(header) < 2 + extended + (4 if header[1] & MASKED else 0):
            return
        self._left = int.from_bytes(header[2 : 2 + extended], "big") if extended else short
        if not header[0] & CONTROL:
            self._in_message = not header[0] & FIN
        header.clear()
