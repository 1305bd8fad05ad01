"""Headers in a message's bytes, where nobody sees them who doesn't look for them.

A message is a map in MessagePack, and of a key that occurs twice a reader keeps the last value. So
the headers are a value of the message's own first key, before its real one: an extension type,
which no reader makes anything of. Releases and processes that don't know of headers read the same
message, its keys in the same order.

The bytes, of a message with N keys::

    map header (N + 1), first key, extension CODE of [headers, destination],
    first key, its value, the other keys and values
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgpack

from channels_bridge.common.rate_limited_log import Notices

logger = logging.getLogger("channels_bridge.groups")

#: The extension type: T, for trace.
CODE = 0x54

#: The most that the headers of one message take, in bytes: a client may choose some of them, and
#: they are kept and sent as often as the message is.
MAX_BYTES = 4096

LEFT_OUT = (
    "trace context: %r is left out of a message, as the headers of one may take %d bytes together"
)

#: The longest first key of a message that headers go with, in bytes.
MAX_KEY = 255

#: As far as headers may reach into a message.
_HEAD = 2 * MAX_BYTES

_UNREADABLE = (msgpack.UnpackException, ValueError, TypeError)

_notices = Notices(logger)


class Carried(NamedTuple):
    """What travels beside a message.

    Attributes:
        headers: what the sender's tracer has made.
        destination: the group or channel that the message was sent to; empty where it was several.
    """

    headers: Mapping[str, str]
    destination: str


def put(payload: bytes, carried: Carried) -> bytes:
    """Return an encoded message with headers.

    Headers beyond ``MAX_BYTES`` are left out, the longest first, with a WARNING: those of a trace
    are short, so it goes on. A message has none whose first key is no text, or none at all.

    Args:
        payload: as ``Codec.encode()`` has made it.
    """
    headers = _bounded(carried.headers)
    place = _first_key(payload)
    if not headers or place is None:
        return payload
    count, key = place
    body = msgpack.packb([headers, carried.destination])
    extension = msgpack.packb(msgpack.ExtType(CODE, body))
    begin = len(_map_header(count))
    return b"".join((_map_header(count + 1), msgpack.packb(key), extension, payload[begin:]))


def read(payload: bytes) -> Carried | None:
    """Return what travels beside an encoded message; None if nothing does. Never raises."""
    unpacker = _unpacker(payload)
    try:
        if unpacker.read_map_header() < 2:
            return None
        key, extension = unpacker.unpack(), unpacker.unpack()
        if not isinstance(extension, msgpack.ExtType) or extension.code != CODE:
            return None
        # Only then it isn't of the message's own.
        if not isinstance(key, str) or unpacker.unpack() != key:
            return None
        return _carried(msgpack.unpackb(extension.data))
    except _UNREADABLE:
        return None


def _carried(body: Any) -> Carried | None:
    """Return what an extension says. Later releases may say more."""
    if not isinstance(body, list) or len(body) < 2 or not isinstance(body[0], dict):
        return None
    headers, destination = body[:2]
    texts = [*headers, *headers.values(), destination]
    return Carried(headers, destination) if set(map(type, texts)) == {str} else None


def _bounded(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those headers for which there is room, the shortest first."""
    room, kept = MAX_BYTES, {}
    for name, value in sorted(headers.items(), key=_size):
        room -= _size((name, value))
        if room < 0:
            _notices.warn("left out", LEFT_OUT, str(name)[:100], MAX_BYTES)
            break
        kept[name] = value
    return kept


def _size(header: tuple[str, str]) -> int:
    """How long a header is, encoded; too long if it can't be."""
    try:
        return sum(len(msgpack.packb(part)) for part in header)
    except (TypeError, ValueError, OverflowError):
        return MAX_BYTES + 1


def _first_key(payload: bytes) -> tuple[int, str] | None:
    """Return how many keys a message has, and the first one if that is text of some size."""
    unpacker = _unpacker(payload)
    try:
        count = unpacker.read_map_header()
        key = unpacker.unpack() if count else None
    except _UNREADABLE:
        return None
    if not isinstance(key, str) or len(key.encode()) > MAX_KEY:
        return None
    return count, key


def _unpacker(payload: bytes) -> Any:
    """Return what reads the beginning of a message, and takes no more memory than that."""
    unpacker = msgpack.Unpacker(max_buffer_size=_HEAD, strict_map_key=False)
    unpacker.feed(payload[:_HEAD])
    return unpacker


def _map_header(count: int) -> bytes:
    header: bytes = msgpack.Packer().pack_map_header(count)
    return header
