"""Compression of a client's messages as Chromium does it (permessage-deflate, RFC 7692).

It compresses every message, however short, once a server has agreed.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from typing import Any

OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")

#: What is left out at the end of a compressed message: RFC 7692, section 7.2.1.
TAIL = b"\x00\x00\xff\xff"

Compress = Callable[[bytes], bytes]


def agreed(answer: str | None) -> Compress | None:
    """What compresses a connection's messages, on the terms of a server's answer to the offer.

    Args:
        answer: the header of that name, if there is one.
    """
    terms = [term.strip() for term in (answer or "").split(";")]
    if terms[0] != "permessage-deflate":
        return None
    window = zlib.MAX_WBITS
    for term in terms:
        name, _, value = term.partition("=")
        if name.strip() == "client_max_window_bits" and value:
            window = int(value.strip(' "'))
    return by_itself(window) if "client_no_context_takeover" in terms else in_context(window)


@functools.lru_cache
def by_itself(window: int) -> Compress:
    """Compress each message by itself: one compressor can do that for all connections.

    A full flush makes it forget what it has seen. What it gives is what a new one would, which
    takes several times as long to make.
    """
    return Compressor(window, zlib.Z_FULL_FLUSH)


def in_context(window: int) -> Compress:
    """Compress messages of one connection, each with what it has sent before."""
    return Compressor(window, zlib.Z_SYNC_FLUSH)


class Compressor:
    """Compresses messages at zlib's own level, which is Chromium's.

    Args:
        window: in bits.
        flush: what ends a message.
    """

    def __init__(self, window: int, flush: int) -> None:
        self._window = window
        self._flush = flush
        self._deflate: Any = None  # from the first message: it takes 256 KiB

    def __call__(self, payload: bytes) -> bytes:
        """The payload of a frame."""
        if self._deflate is None:
            self._deflate = zlib.compressobj(wbits=-self._window)
        compressed: bytes = self._deflate.compress(payload) + self._deflate.flush(self._flush)
        return compressed.removesuffix(TAIL)
