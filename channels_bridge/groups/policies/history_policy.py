"""The history policy of a group: how much of it is kept, and which messages are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.policies.patterns import (
    ByPattern,
    is_pattern,
    require_group_patterns,
    require_known_keys,
)
from channels_bridge.groups.policies.seconds import require_seconds

_KEYS = ("messages", "seconds", "except", "echo")

#: As AnyCable has them.
_MESSAGES = 100
_SECONDS = 300

#: More than this in one group is a table of a database, or a mistake.
_MOST_MESSAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class HistoryPolicy:
    """What is kept of a group.

    Attributes:
        bounds: how much.
        excepted: types of messages that take their place among the others and are not kept; None
            where all are.
        echo: whether a client that has come back gets its own messages as its own: names of
            channels that it had before are replaced by the present one.
    """

    bounds: Bounds
    excepted: ByPattern[bool] | None = None
    echo: bool = True

    def keeps(self, payload: bytes) -> bool:
        """Whether a message, as bytes, is one that is kept."""
        return self.excepted is None or not self.excepted.find(_type_of(payload))


def read_history(values: object) -> ByPattern[HistoryPolicy]:
    """Read ``history`` in CONFIG, or say what is wrong with it."""
    groups = require_group_patterns("history", values)
    return ByPattern({pattern: _read(pattern, options) for pattern, options in groups.items()})


def _read(pattern: Any, options: Mapping[str, Any]) -> HistoryPolicy:
    where = f"history[{pattern!r}]"
    require_known_keys(where, options, _KEYS)
    messages = _require_messages(f"{where}['messages']", options.get("messages", _MESSAGES))
    seconds = options.get("seconds", _SECONDS)
    seconds = require_seconds(f"{where}['seconds']", seconds, is_finite=True)
    echo = options.get("echo", True)
    if not isinstance(echo, bool):
        raise ImproperlyConfigured(f"CONFIG key \"{where}['echo']\" must be True or False")
    excepted = _read_excepted(f"{where}['except']", options.get("except", ()))
    return HistoryPolicy(Bounds(messages, seconds), excepted, echo)


def _require_messages(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST_MESSAGES:
        raise ImproperlyConfigured(
            f'CONFIG key "{where}" must be a whole number from 1 to {_MOST_MESSAGES}, not {value!r}'
        )
    return value


def _read_excepted(where: str, types: Any) -> ByPattern[bool] | None:
    is_list = isinstance(types, Sequence) and not isinstance(types, (str, bytes))
    if not is_list or not all(map(is_pattern, types)):
        raise ImproperlyConfigured(
            f'CONFIG key "{where}" must be a list of messages\' types or patterns of them, such as '
            f'["typing", "cursor.*"], not {types!r}'
        )
    return ByPattern(dict.fromkeys(types, True)) if types else None


def _type_of(payload: bytes) -> str:
    """Return a message's type without making the whole message; empty if it has none.

    It may stand behind one that is none: what travels beside the message.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=len(payload), strict_map_key=False)
    unpacker.feed(payload)
    for _ in range(unpacker.read_map_header()):
        if unpacker.unpack() != "type":
            unpacker.skip()
        elif not isinstance(found := unpacker.unpack(), msgpack.ExtType):
            return str(found)
    return ""
