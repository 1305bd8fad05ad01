"""Messages as bytes: MessagePack, as in channels_redis.

Dicts, lists, strings, bytes, numbers, booleans and None keep their type; tuples become lists.
Whatever is accepted can be read on the other side: ``encode()`` makes sure of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
from channels.exceptions import MessageTooLarge

from channels_bridge.groups.message import GroupMessage

#: The key under which an event carries the GroupMessage that it was made from.
GROUP_MESSAGE = "__group_message__"

#: How deep a message may be nested: MessagePack's C code stops a little later.
MAX_DEPTH = 500

#: Types that people put into messages most often, and what to write instead.
ADVICE = {
    "datetime": "convert it with .isoformat() first",
    "date": "convert it with .isoformat() first",
    "Decimal": "convert it with str() first",
    "UUID": "convert it with str() first",
    "set": "convert it with list() first",
    "frozenset": "convert it with list() first",
}

#: A dict of these can be copied instead of decoded again, at a tenth of the cost. A GroupMessage
#: holds nothing but what stands beside it in the dict.
IMMUTABLE = frozenset({bool, bytes, float, int, str, type(None), GroupMessage})

PROBLEM = "which a channel layer can't carry"

Path = tuple[Any, ...]


class Codec:
    """Encodes messages within a size limit, and decodes them.

    Args:
        max_message_size: the longest encoded message, in bytes.
    """

    def __init__(self, max_message_size: int) -> None:
        self.max_message_size = max_message_size

    def encode(self, message: dict[str, Any] | GroupMessage) -> bytes:
        """Return ``message`` as bytes.

        Raises:
            TypeError: something in it isn't serialisable; says where and what.
            MessageTooLarge: the bytes are more than ``max_message_size``.
        """
        if isinstance(message, GroupMessage):
            message = {
                "type": message.type,
                "message": message.message,
                "params": message.params,
                GROUP_MESSAGE: True,
            }
        elif GROUP_MESSAGE in message:
            raise TypeError(f"message key {GROUP_MESSAGE!r} is reserved: send a GroupMessage")
        try:
            payload: bytes = msgpack.packb(message)
            # MessagePack writes some keys that it can't read back, such as tuples.
            msgpack.unpackb(payload, strict_map_key=False)
        except (TypeError, ValueError, OverflowError) as error:
            raise TypeError(explain(message) or str(error)) from error
        if len(payload) > self.max_message_size:
            raise MessageTooLarge(
                f"message of {len(payload)} bytes exceeds the layer's max_message_size "
                f"of {self.max_message_size} bytes: send less, or raise it in CONFIG"
            )
        return payload

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Return a new message, which shares nothing with any other.

        Raises:
            ValueError: these bytes aren't one.
        """
        try:
            message = msgpack.unpackb(payload, strict_map_key=False)
            if GROUP_MESSAGE in message:
                message[GROUP_MESSAGE] = GroupMessage(
                    message["type"], message["message"], message["params"]
                )
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"a payload of {len(payload)} bytes isn't a message") from error
        if not isinstance(message, dict):
            raise ValueError(f"a payload of {len(payload)} bytes isn't a message")
        return message

    def copies(self, payload: bytes) -> Iterator[dict[str, Any]]:
        """Yield a new message again and again; they share nothing that can be changed."""
        message = self.decode(payload)
        if IMMUTABLE.issuperset(map(type, message.values())):
            while True:
                yield message.copy()
        while True:
            yield message
            message = self.decode(payload)


def explain(message: Any) -> str | None:
    """Say what in ``message`` can't be serialised, and where; None when everything can be."""
    pending: list[tuple[Path, Any]] = [((), message)]
    while pending:
        path, value = pending.pop()
        if len(path) > MAX_DEPTH:
            return f"{_spell(path[:3])} is nested more than {MAX_DEPTH} levels deep"
        if isinstance(value, dict):
            for key in value:
                if isinstance(key, tuple) or not _packs(key):
                    return f"{_spell(path)} has {_name(key)} as a key, {PROBLEM}: use a string"
            pending.extend(((*path, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, (list, tuple)):
            pending.extend(((*path, index), item) for index, item in enumerate(value))
        elif not _packs(value):
            advice = ADVICE.get(type(value).__name__, "send plain data instead")
            return f"{_spell(path)} is {_name(value)}, {PROBLEM}: {advice}"
    return None


def _packs(value: Any) -> bool:
    try:
        msgpack.packb(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _spell(path: Path) -> str:
    return "message" + "".join(f"[{part!r}]" for part in path)


def _name(value: Any) -> str:
    name = type(value).__name__
    if isinstance(value, int):
        return "an integer of more than 64 bits"
    if isinstance(value, str):
        return "a str that isn't valid Unicode"
    return f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"
