"""Handshakes and frames (RFC 6455, 5.2) as bytes, also such as no client should send."""

from __future__ import annotations

import struct
import zlib

#: The one of the RFC's examples.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

#: The headers that make a request a handshake.
UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
)


def handshake(target: str = "/", *headers: str, host: str = "localhost") -> bytes:
    """The request that opens a WebSocket, with more headers if any are given."""
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *UPGRADE, *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


HANDSHAKE = handshake()


def frame(
    opcode: int,
    payload: bytes,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes = b"mask",
    form: int = 0,
    claimed: int | None = None,
) -> bytes:
    """A frame.

    Args:
        opcode: of any number.
        payload: not masked yet.
        fin: whether it is the last one of its message.
        rsv: the reserved bits; 4 for a compressed message.
        mask: of four bytes; empty for none.
        form: bytes of the length at least, where a shorter form would do: 0, 2 or 8.
        claimed: the length in the header, if it isn't that of the payload.
    """
    length = len(payload) if claimed is None else claimed
    first, masked = fin << 7 | rsv << 4 | opcode, bool(mask) << 7
    if length < 126 and form == 0:
        header = struct.pack("!BB", first, masked | length)
    elif length < 2**16 and form <= 2:
        header = struct.pack("!BBH", first, masked | 126, length)
    else:
        header = struct.pack("!BBQ", first, masked | 127, length)
    if mask:
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return header + mask + payload


def compress(payload: bytes) -> bytes:
    """A message's payload by itself, without context takeover (RFC 7692, 7.2.1)."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
