"""A fast path for whole messages, past the ``websockets`` protocol, which takes much longer.

A *whole* message is one frame that is there from its beginning to its end, compressed or not. That
is what clients send: browsers compress each message once compression is agreed on, whatever its
length, and so does the client of ``websockets``; others send all or the short ones as they are.

Whole messages are taken here (RFC 6455, 5.2; RFC 7692, 7.2.2). Everything else (fragments of
messages, control frames other than pongs, frames that are cut by the end of what was read, and
whatever is wrong or too long, compressed data included) is the protocol's, which cannot give back
what it was given: ``Boundary`` follows that, and knows when the next message begins, which may be
taken here again.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable

try:
    from websockets.speedups import apply_mask
except ImportError:  # websockets was built without a compiler
    from websockets.utils import apply_mask

from channels_bridge.server.asgi_types import Event

FIN = 0x80
RSV1 = 0x40  # of a message's first frame: it is compressed (RFC 7692, 6)
OPCODE = 0x0F
TEXT, BINARY, PONG = 0x1, 0x2, 0xA
CONTROL = 0x08
MASKED = 0x80

#: First bytes of whole messages, by whether compression was agreed on.
UNCOMPRESSED = (FIN | TEXT, FIN | BINARY)
ANY = (FIN | RSV1 | TEXT, FIN | RSV1 | BINARY, *UNCOMPRESSED)

#: Bytes of a control frame's payload (RFC 6455, 5.5).
LONGEST_CONTROL = 125

#: Bytes of a header: two, the mask, and an extended length for these values of the second one.
SHORTEST_HEADER = 2 + 4
EXTENDED = {126: 2, 127: 8}

#: What senders leave out at the end of a compressed message (RFC 7692, 7.2.1).
TAIL = b"\x00\x00\xff\xff"
#: Bytes from which websockets inflates the tail for itself, and looks whether more comes of it.
LONG = 2044

#: Inflates the payload of one message; gives None where it can't, or where that is too long.
Inflate = Callable[[bytes], bytes | None]


def read_message(
    data: bytes, start: int, limit: int, inflate: Inflate | None = None
) -> tuple[Event, int] | None:
    """Read the frame that begins at ``start``, if it is a whole message.

    Args:
        data: what a client sent.
        start: where a frame begins that is not part of a longer message.
        limit: the longest payload taken; 65,535 at most have an effect.
        inflate: for compressed messages, where they may come and each is compressed by itself.

    Returns:
        Its ASGI event and where the frame ends; None where it is for the protocol.

    Raises:
        UnicodeDecodeError: text that is not UTF-8.
    """
    if len(data) - start < SHORTEST_HEADER:
        return None
    # MASK is taken away, which a message from a client has: its lack makes the length too great.
    first, length, mask = data[start], data[start + 1] ^ MASKED, start + 2
    if length > 126 or first not in (UNCOMPRESSED if inflate is None else ANY):
        return None
    if length == 126:
        length, mask = data[mask] << 8 | data[mask + 1], mask + 2
    payload = mask + 4
    end = payload + length
    if length > limit or end > len(data):
        return None
    content = apply_mask(data[payload:end], data[mask:payload])
    if first & RSV1 and inflate is not None:
        inflated = inflate(content)
        if inflated is None:
            return None
        content = inflated
    if first & OPCODE == TEXT:
        return {"type": "websocket.receive", "text": content.decode()}, end
    return {"type": "websocket.receive", "bytes": content}, end


@functools.lru_cache
def inflater(window: int, limit: int) -> Inflate:
    """How messages are inflated that are each compressed by itself ("no context takeover").

    It keeps nothing, and is the same for all connections on the same terms. Each message has a
    decompressor of its own: one that has seen other clients' messages could be made to repeat them.

    Args:
        window: that a client compresses with, in bits.
        limit: bytes that a message may have; 0 for any number. No more are made of it.
    """
    return functools.partial(_inflate, window, limit)


def _inflate(window: int, limit: int, payload: bytes) -> bytes | None:
    """As ``websockets`` does, whose answer it is to what has errors or exceeds the limit."""
    inflating = zlib.decompressobj(-window)
    is_long = len(payload) >= LONG
    try:
        content = inflating.decompress(payload if is_long else payload + TAIL, limit)
        if inflating.unconsumed_tail or (is_long and inflating.decompress(TAIL, 1)):
            return None
    except zlib.error:
        return None
    return content


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

    __slots__ = ("_header", "_in_message", "left")

    def __init__(self) -> None:
        self._header = bytearray()  # as far as it is known
        self.left = 0  # of the payload
        self._in_message = False

    @property
    def is_here(self) -> bool:
        return not (self._in_message or self.left or self._header)

    def advance(self, data: bytes) -> None:
        """Follow what the protocol is given."""
        position = 0
        while position < len(data):
            if self.left:
                step = min(self.left, len(data) - position)
                self.left -= step
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
        self.left = int.from_bytes(header[2 : 2 + extended], "big") if extended else short
        if not header[0] & CONTROL:
            self._in_message = not header[0] & FIN
        header.clear()
