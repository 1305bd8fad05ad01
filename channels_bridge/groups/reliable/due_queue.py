"""Timers of a sans-I/O layer: what is due when, and when to look next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

NEVER = float("inf")
Item = TypeVar("Item")


class Alarm:
    """When the layer has to be called next.

    Attributes:
        at: the time; NEVER when there is nothing to do.
    """

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = NEVER

    def by(self, at: float) -> None:
        """Call no later than ``at``."""
        if at < self.at:
            self.at = at


class DueQueue(Generic[Item]):
    """Items, each with a time, in the order in which they were added.

    An item waits for those before it. They are added with the same delay, or nearly, so that is
    not for long; adding and taking costs the same however many there are.
    """

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: deque[tuple[float, Item]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def next(self) -> float:
        """When the first is due; NEVER when there is none."""
        return self._items[0][0] if self._items else NEVER

    def add(self, due: float, item: Item) -> None:
        """Add an item that is due at ``due``."""
        self._items.append((due, item))

    def take(self, now: float) -> Iterator[Item]:
        """Take those that are due, one at a time; whoever stops early leaves the others.

        What is added meanwhile is looked at next time, even where it is due.
        """
        for _ in range(len(self._items)):
            if not self._items or self._items[0][0] > now:
                return
            yield self._items.popleft()[1]

    def take_all(self) -> Iterator[Item]:
        """Take all, whether due or not."""
        return self.take(NEVER)
