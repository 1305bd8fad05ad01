"""Descriptions: what a project says of a connection, read and limited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

#: What may be told of one key to everybody in a group, who get it with each join.
MAX_INFO = 4096  # bytes of JSON
MAX_KEY = 200  # characters


class Description(NamedTuple):
    """Who a connection is."""

    key: str
    info: bytes  # JSON; empty for None


class BadDescription(ValueError):
    """What ``describe`` has returned is none."""


def read_description(answer: object) -> Description | None:
    """Read what ``describe`` has returned; None for a connection that isn't to be listed.

    Raises:
        BadDescription: it can't be listed like that; says what to return instead.
    """
    if answer is None:
        return None
    if not isinstance(answer, Mapping) or "key" not in answer:
        raise BadDescription(
            'it must return a dict such as {"key": ..., "info": ...}, or None to list nobody, '
            f"and has returned {_shorten(answer)}"
        )
    if unknown := [name for name in answer if name not in ("key", "info")]:
        raise BadDescription(f'its dict may have "key" and "info" only, and has {unknown[0]!r}')
    return Description(_read_key(answer["key"]), _read_info(answer.get("info")))


def _read_key(key: object) -> str:
    if isinstance(key, bool) or not isinstance(key, (str, int, UUID)):
        raise BadDescription(
            f"its key must be text, a whole number or a UUID, and is {_shorten(key)}: "
            f"for someone without a key return None"
        )
    text = str(key)
    if not 0 < len(text) <= MAX_KEY or not _is_unicode(text):
        raise BadDescription(f"its key must have 1 to {MAX_KEY} characters, not {_shorten(key)}")
    return text


def _read_info(info: object) -> bytes:
    if info is None:
        return b""
    try:
        text = json.dumps(info, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadDescription(f"its info must be what JSON can hold: {error}") from error
    if len(text) > MAX_INFO:
        raise BadDescription(
            f"its info may have {MAX_INFO} bytes of JSON, and has {len(text)}: everybody in the "
            f"group gets it, so say less"
        )
    return text.encode()


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
