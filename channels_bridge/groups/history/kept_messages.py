"""What is kept of a group's messages, as whoever asks the layer for them gets it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from channels_bridge.groups.history.log import Log
from channels_bridge.groups.history.position import Entry, Position

_POSITION = re.compile(r"([0-9a-z]{1,32})\.([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True)
class HistoryMessage:
    """A message that was sent to a group.

    Attributes:
        message: as it was sent.
        position: the place behind it, for ``after``. It is opaque.
        age: how many seconds ago it was sent.
    """

    message: dict[str, Any]
    position: str
    age: float


class HistoryMessages(list[HistoryMessage]):
    """Messages of a group, the oldest first.

    Attributes:
        is_complete: whether all messages behind the position that was asked for are kept, so that
            none is missing here but for ``limit``. Without such a position it is True.
    """

    def __init__(self, messages: Iterable[HistoryMessage], *, is_complete: bool) -> None:
        super().__init__(messages)
        self.is_complete = is_complete


def select(
    log: Log,
    after: Position | None,
    limit: int | None,
    decode: Callable[[bytes], dict[str, Any] | None],
    now: float,
) -> HistoryMessages:
    """Return a log's messages.

    Args:
        after: only those behind it; all that are kept where it is unknown there.
        limit: how many at most: the first ones behind ``after``, or the latest of all.
        decode: makes a message of a payload; None where that can't be read, which is left out.
    """
    is_complete = after is None or log.can_serve(after)
    entries = log.entries_after(after.offset if after is not None and log.holds(after) else 0)
    if limit is not None:
        entries = entries[:limit] if after is not None else entries[max(len(entries) - limit, 0) :]
    return HistoryMessages(_read(entries, decode, now), is_complete=is_complete)


def _read(
    entries: Iterable[Entry], decode: Callable[[bytes], dict[str, Any] | None], now: float
) -> Iterable[HistoryMessage]:
    for entry in entries:
        message = decode(entry.payload)
        if message is not None:
            yield HistoryMessage(message, spell(entry.position), max(now - entry.at, 0.0))


def spell(position: Position) -> str:
    """Return a position as text."""
    return f"{position.epoch}.{position.offset}"


def parse_position(text: str) -> Position:
    """Read a position.

    Raises:
        ValueError: it isn't one.
    """
    match = _POSITION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no position in a group's history: take one of a message")
    return Position(match[1], int(match[2]))
