"""Patterns of names: globs and compiled patterns, of which the first that matches counts."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

#: A glob that some group's name can match.
_GLOB = re.compile(r"[A-Za-z0-9._*?\[\]!-]+", re.ASCII)

#: How many names' policies are remembered: names are made up while a project runs.
_REMEMBERED = 4096


class ByPattern(Generic[T]):
    """What goes with a name, by the first pattern that matches it.

    Args:
        values: pattern -> value, in the order in which they are tried.

    Attributes:
        values: what there is.
    """

    def __init__(self, values: Mapping[Any, T]) -> None:
        self.values = tuple(values.values())
        self._values = [(compile_pattern(pattern), value) for pattern, value in values.items()]
        self.find = lru_cache(_REMEMBERED)(self._find)

    def _find(self, name: str) -> T | None:
        for pattern, value in self._values:
            if pattern.match(name):
                return value
        return None


def compile_pattern(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    """Return a pattern that is compiled, as Channels reads ``channel_capacity``."""
    return re.compile(fnmatch.translate(pattern)) if isinstance(pattern, str) else pattern


def require_group_patterns(option: str, values: object) -> Mapping[Any, Any]:
    """Return a dict of patterns of groups' names and dicts of options, or say what is wrong."""
    example = f'"{option}": {{"chat.*": {{}}}}'
    if not isinstance(values, Mapping):
        raise ImproperlyConfigured(
            f"CONFIG key {option!r} must be a dict of patterns of groups' names, such as "
            f"{example}, not {values!r}"
        )
    for pattern, value in values.items():
        if not is_pattern(pattern) or (isinstance(pattern, str) and not _GLOB.fullmatch(pattern)):
            raise ImproperlyConfigured(
                f"CONFIG key {option!r} has {pattern!r}, which no group's name can match: write a "
                "glob of letters, digits, '-', '_', '.' and '*', or a compiled pattern"
            )
        if not isinstance(value, Mapping):
            raise ImproperlyConfigured(
                f"CONFIG key '{option}[{pattern!r}]' must be a dict of options, such as "
                f"{example}, not {value!r}"
            )
    return values


def require_known_keys(where: str, options: Mapping[Any, Any], known: Sequence[str]) -> None:
    """Say what to write instead of a key of a group's options that there is not."""
    for key in options:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"its keys are {', '.join(known)}"
            raise ImproperlyConfigured(f"unknown key {key!r} in CONFIG key '{where}': {hint}")


def is_pattern(value: object) -> bool:
    """Whether this is a glob or a compiled pattern of text."""
    compiled = isinstance(value, re.Pattern) and isinstance(value.pattern, str)
    return compiled or isinstance(value, str)
