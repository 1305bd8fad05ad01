"""Facts: what really was said in each group, whatever became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgpack

from channels_bridge.groups.history.position import Entry, Position


@dataclass(eq=False)
class Fact:
    """A message that a hub has numbered.

    Attributes:
        frames: how many frames each handler sends for it.
        previous: what the hub had numbered before in this group; None: nothing.
    """

    group: str
    position: Position
    order: int
    frames: int
    previous: Fact | None = field(repr=False)

    def before(self) -> Iterator[Fact | None]:
        """What a client may have had last before it: those without frames may have gone by."""
        fact = self.previous
        while fact is not None and fact.frames == 0:
            yield fact
            fact = fact.previous
        yield fact


class Facts:
    """All of them."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str, int], Fact] = {}
        self._by_number: dict[int, list[Fact]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, group: str, entry: Entry, after: Position) -> None:
        """A hub has numbered a message; ``after``: what its log had before."""
        message = decode(entry.payload)
        previous = self.get(group, after)
        fact = Fact(group, entry.position, entry.order, message["frames"], previous)
        self._all[(group, *entry.position)] = fact
        self._by_number[message["number"]].append(fact)

    def get(self, group: str, position: Position) -> Fact | None:
        """The message before a place; None where that is the beginning."""
        return self._all[(group, *position)] if position.offset else None

    def name(self, group: str, position: Position, other: Position) -> None:
        """A place has another name: that of the run that begins there."""
        self._all[(group, *other)] = self._all[(group, *position)]

    def of_number(self, number: int) -> list[Fact]:
        """What became of a message: it may have been numbered, lost and numbered again."""
        return self._by_number[number]


def encode(number: int, frames: int) -> bytes:
    """Return the payload of a message for which handlers send so many frames."""
    payload: bytes = msgpack.packb({"number": number, "frames": frames})
    return payload


def decode(payload: bytes) -> dict[str, int]:
    """Return the message."""
    message: dict[str, int] = msgpack.unpackb(payload)
    return message
