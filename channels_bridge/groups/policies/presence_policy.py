"""The presence policy of a group: who is shown there, as whom, and to whom that is told."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from channels_bridge.groups.policies.patterns import (
    ByPattern,
    require_group_patterns,
    require_known_keys,
)
from channels_bridge.groups.presence.roll import Terms

_KEYS = ("describe", "linger", "limit", "channel")

#: Long enough for a client to come back after its worker was replaced, with its own patience.
_LINGER = 10
_LIMIT = 200

#: Every member of a group is told of each of so many.
_MOST = 10_000

#: A dotted path has two names at least.
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")

#: As Channels has them: no exclamation mark, as the queue belongs to no process.
_CHANNEL = re.compile(r"[A-Za-z0-9_.-]{1,99}", re.ASCII)


@dataclass(frozen=True)
class PresencePolicy:
    """What holds for those who are present in a group.

    Attributes:
        terms: how long they linger, how many are named, and which channel is told.
        path: of the function that says who a connection is; empty where only numbers are told.
    """

    terms: Terms
    path: str = ""
    where: str = field(default="presence", compare=False)

    @cached_property
    def describe(self) -> Callable[[Mapping[str, Any]], Any]:
        """That function, imported when the first connection comes.

        Raises:
            ImproperlyConfigured: there is none, or it has to be awaited.
        """
        where = f"{self.where}['describe']"
        try:
            found: Any = import_string(self.path)
        except ImportError as error:
            raise ImproperlyConfigured(
                f'CONFIG key "{where}" is {self.path!r}, which cannot be imported: {error}'
            ) from error
        if not callable(found):
            raise ImproperlyConfigured(
                f'CONFIG key "{where}" is {self.path!r}, which is no function: write the path of '
                f"one that takes a scope"
            )
        if inspect.iscoroutinefunction(found):
            raise ImproperlyConfigured(
                f'CONFIG key "{where}" is {self.path!r}, which is asynchronous: write a plain '
                f"function, which looks at the scope and waits for nothing"
            )
        describe: Callable[[Mapping[str, Any]], Any] = found
        return describe


def read_presence(values: object) -> ByPattern[PresencePolicy]:
    """Read ``presence`` in CONFIG, or say what is wrong with it."""
    groups = require_group_patterns("presence", values)
    return ByPattern({pattern: _read(pattern, options) for pattern, options in groups.items()})


def _read(pattern: Any, options: Mapping[str, Any]) -> PresencePolicy:
    where = f"presence[{pattern!r}]"
    require_known_keys(where, options, _KEYS)
    path = options.get("describe") or ""
    if path != "" and (not isinstance(path, str) or not _PATH.fullmatch(path)):
        _refuse(
            where, "describe", "the path of a function, such as 'mysite.realtime.describe'", path
        )
    if not path and "limit" in options:
        raise ImproperlyConfigured(
            f"CONFIG key \"{where}['limit']\" has no effect: without 'describe' nobody is named, "
            f"however few there are"
        )
    terms = Terms(
        linger=_read_linger(where, options.get("linger", _LINGER)),
        limit=_read_limit(where, options.get("limit", _LIMIT)) if path else 0,
        queue=_read_channel(where, options.get("channel")),
    )
    return PresencePolicy(terms, path, where)


def _read_linger(where: str, value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 86_400:
        _refuse(where, "linger", "a number of seconds from 0 to 86400", value)
    return float(value)


def _read_limit(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        _refuse(where, "limit", f"a whole number from 0 to {_MOST}", value)
    return value


def _read_channel(where: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _CHANNEL.fullmatch(value):
        _refuse(where, "channel", "the name of a channel for runworker, such as 'presence'", value)
    return value


def _refuse(where: str, key: str, what: str, value: object) -> NoReturn:
    raise ImproperlyConfigured(f"CONFIG key \"{where}['{key}']\" must be {what}, not {value!r}")
