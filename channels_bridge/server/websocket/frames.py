"""Outgoing frames: built, compressed (permessage-deflate), and cached for all receivers.

A server's frames are not masked, so equal messages have equal frames: that of the last message is
kept, and all members of a group are sent the same bytes. Compression (permessage-deflate, RFC 7692)
is without context takeover: each message is compressed by itself, which keeps it shareable and
leaves no compressor behind in memory for each connection.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from typing import Any

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode

from channels_bridge.server.asgi_types import Event
from channels_bridge.server.websocket.fast_path import FIN

#: What the server makes of a client's offer to compress. Window and level of websockets: a smaller
#: window costs little on messages of usual size.
DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=12,
    compress_settings={"memLevel": 5},
)

Payload = str | bytes

#: Of a compression: whether the client and the server forget each message, and their windows.
Agreed = tuple[bool, bool, int, int]


def agreed(deflate: PerMessageDeflate) -> Agreed:
    return (
        deflate.remote_no_context_takeover,
        deflate.local_no_context_takeover,
        deflate.remote_max_window_bits,
        deflate.local_max_window_bits,
    )


def make_deflate(terms: Agreed) -> PerMessageDeflate:
    """A compression on these terms, for what one connection reads."""
    return PerMessageDeflate(*terms, DEFLATE.compress_settings)


def deflate_of(extensions: Sequence[Extension]) -> PerMessageDeflate | None:
    """The compression that a handshake has agreed on, as frames are built with it.

    It is one object for all connections with the same terms, as it keeps nothing of a message.
    """
    for extension in extensions:
        assert isinstance(extension, PerMessageDeflate)
        return _shared_deflate(agreed(extension))
    return None


_shared_deflate = functools.lru_cache(make_deflate)


def payload_of(message: Event) -> Payload:
    """What an application wants sent, in a form that nobody can change afterwards."""
    text: Any = message.get("text")
    data: Any = message.get("bytes")
    if (text is None) == (data is None):
        raise ValueError("websocket.send takes one of text and bytes")
    if text is None:
        return data if type(data) is bytes else bytes(memoryview(data))
    if not isinstance(text, str):
        raise ValueError(
            f"text is a {type(text).__name__}; it must be a str: make one with json.dumps()"
        )
    return text


class FrameCache:
    """Builds frames, each payload's once while it repeats; one for all connections of a worker.

    Args:
        compress_from: the length from which a message is compressed, where the connection can.
    """

    def __init__(self, compress_from: int) -> None:
        self._compress_from = compress_from
        # Of two payloads only: what many are sent, they are sent one after the other, some of them
        # with a header that others don't get (``resume``).
        self._payload: Payload | None = None
        #: Of the last payload: by the window that it is compressed with, None where it is not.
        self._frames: dict[int | None, bytes] = {}
        self._other_payload: Payload | None = None
        self._other_frames: dict[int | None, bytes] = {}

    def frame(self, payload: Payload, deflate: PerMessageDeflate | None = None) -> bytes:
        """The frame of a message: text for a str, binary for bytes (RFC 6455, 5.2).

        Args:
            payload: the message.
            deflate: the connection's compression; None where it has none.
        """
        if payload != self._payload or type(payload) is not type(self._payload):
            self._turn_to(payload)
        if deflate is not None and len(payload) < self._compress_from:
            deflate = None
        window = None if deflate is None else deflate.local_max_window_bits
        frame = self._frames.get(window)
        if frame is None:
            frame = self._frames[window] = _build(payload, deflate)
        return frame

    def _turn_to(self, payload: Payload) -> None:
        """Make a payload the last one; the one before it is kept."""
        last, frames = self._payload, self._frames
        if payload == self._other_payload and type(payload) is type(self._other_payload):
            self._frames = self._other_frames
        else:
            self._frames = {}
        self._payload, self._other_payload, self._other_frames = payload, last, frames

    def build(self, payload: Payload, deflate: PerMessageDeflate | None) -> bytes:
        """The frame of a message that is for one client only: nothing is kept."""
        if deflate is not None and len(payload) < self._compress_from:
            deflate = None
        return _build(payload, deflate)


def _build(payload: Payload, deflate: PerMessageDeflate | None) -> bytes:
    if isinstance(payload, str):
        opcode, data = Opcode.TEXT, payload.encode()
    else:
        opcode, data = Opcode.BINARY, payload
    if deflate is None:
        return _header(opcode, len(data)) + data
    return Frame(opcode, data).serialize(mask=False, extensions=[deflate])


def _header(opcode: Opcode, length: int) -> bytes:
    """Of an unmasked frame that is a whole message (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((FIN | opcode, length))
    if length < 2**16:
        return struct.pack("!BBH", FIN | opcode, 126, length)
    return struct.pack("!BBQ", FIN | opcode, 127, length)
