"""The log of one group: its latest messages, numbered without a hole, and who gave the numbers.

A log knows its *runs*: which epoch has given which numbers. They begin with the epoch in which the
log was made, its birth, from which no number need have come: so that there is a position before
the first message. An epoch gets a run with its first message and not before. Otherwise positions
would be told that are in no file, and are unknown once this hub has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from channels_bridge.groups.history.position import (
    Bounds,
    Entry,
    Excerpt,
    Position,
    Run,
    Why,
)

#: How many runs are remembered of which nothing is kept, so that who was there is told "expired"
#: rather than "unknown".
OLD_RUNS = 16

#: What an entry takes besides its payload, in bytes of memory.
ENTRY_COST = 220


class Log:
    """The entries from ``floor`` to ``head``, both of them numbers.

    Args:
        runs: which epochs have given the numbers up to the floor, or all of them.
        floor: the highest number that is not kept.
        bounds: how much is kept; None: all, until somebody says how much.
    """

    __slots__ = ("_starts", "bounds", "entries", "floor", "size")

    def __init__(
        self, runs: Iterable[Run], *, floor: int = 0, bounds: Bounds | None = None
    ) -> None:
        self.entries: deque[Entry] = deque()
        self.floor = floor
        self.bounds = bounds
        self.size = 0  # what the entries take, in bytes
        # Each run ends where the next one begins, or at the head: (epoch, first number).
        self._starts = [(run.epoch, run.first) for run in runs]

    @classmethod
    def from_excerpt(cls, excerpt: Excerpt, bounds: Bounds) -> Log:
        """Make a log of a whole excerpt.

        Raises:
            ValueError: its entries don't follow one another.
        """
        log = cls(excerpt.runs, floor=excerpt.floor, bounds=bounds)
        for entry in excerpt.entries:
            log._add(entry)
        return log

    @property
    def head(self) -> int:
        """The number of the latest entry, kept or not; 0 where there was none."""
        return self.floor + len(self.entries)

    @property
    def runs(self) -> list[Run]:
        """Which epochs have given which numbers."""
        ends = [first - 1 for _, first in self._starts[1:]] + [self.head]
        return [
            Run(epoch, first, end) for (epoch, first), end in zip(self._starts, ends, strict=True)
        ]

    def runs_until(self, offset: int) -> list[Run]:
        """The same as it was when that number was the latest."""
        first, *others = self.runs
        return [
            Run(run.epoch, run.first, min(run.last, offset))
            for run in (first, *(other for other in others if other.first <= offset))
        ]

    @property
    def position(self) -> Position:
        """The place behind the latest entry."""
        return self.position_at(self.head)

    def position_at(self, offset: int) -> Position:
        """The place behind the entry with this number, in the run that holds it."""
        for epoch, first in reversed(self._starts):
            if first <= offset:
                return Position(epoch, offset)
        return Position(self._starts[0][0], offset)

    # Positions of others.

    def holds(self, position: Position) -> bool:
        """Whether that place is one of this log's, kept or not."""
        epoch, offset = position
        return any(run.first - 1 <= offset <= run.last for run in self.runs if run.epoch == epoch)

    def can_serve(self, position: Position) -> bool:
        """Whether all that came after that place is kept."""
        return self.why_not(position) is None

    def why_not(self, position: Position) -> Why | None:
        """Why something behind that place is missing; None where nothing is."""
        if not self.holds(position):
            return Why.UNKNOWN
        return Why.EXPIRED if position.offset < self.floor else None

    def has_numbered(self, position: Position) -> bool:
        """Whether the entry before that place is one of this log's, kept or not."""
        epoch, offset = position
        return any(run.first <= offset <= run.last for run in self.runs if run.epoch == epoch)

    # Entries.

    def next_after(self, offset: int) -> Entry | None:
        """Return the entry that follows that number; None where none does, or it isn't kept."""
        index = offset - self.floor
        return self.entries[index] if 0 <= index < len(self.entries) else None

    def entries_after(self, offset: int) -> list[Entry]:
        """Return all that are kept and follow that number."""
        return list(islice(self.entries, max(offset - self.floor, 0), None))

    def excerpt(self, after: Position | None) -> Excerpt:
        """Say what came after that place, or all there is where that can't be said."""
        is_whole = after is None or not self.can_serve(after)
        entries = list(self.entries) if is_whole or after is None else self.entries_after(after[1])
        return Excerpt(is_whole, self.floor, self.runs, entries)

    # Changes.

    def append(self, entry: Entry) -> None:
        """Add an entry, which has to be the next.

        Raises:
            ValueError: it isn't.
        """
        self.extend((entry,))

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add entries of one epoch, which have to be the next ones.

        Raises:
            ValueError: they aren't.
        """
        head, first = self.floor + len(self.entries), entries[0]
        if first.offset != head + 1 or entries[-1].offset != head + len(entries):
            raise ValueError(f"entry {first.offset} can't follow {self.head}")
        self.entries.extend(entries)
        size = len(entries) * ENTRY_COST
        for entry in entries:
            size += len(entry.payload)
        self.size += size
        starts = self._starts
        if not starts or starts[-1][0] != first.epoch:
            starts.append((first.epoch, first.offset))

    def adopt_runs(self, runs: Sequence[Run]) -> None:
        """Take over what the original says of its runs, where this replica is as far as that."""
        if runs and max(runs[-1].last, runs[-1].first - 1) == self.head:
            self._starts = [(run.epoch, run.first) for run in runs]

    def trim(self, now: float) -> None:
        """Drop what its bounds don't allow."""
        bounds, entries = self.bounds, self.entries
        if bounds is None:
            return
        if len(entries) > bounds.messages:
            self.drop_first(len(entries) - bounds.messages)
        while entries and entries[0].at + bounds.seconds <= now:
            self.drop_first()

    def drop_first(self, count: int = 1) -> None:
        """Drop the oldest entries."""
        entries, size = self.entries, count * ENTRY_COST
        for _ in range(count):
            size += len(entries.popleft().payload)
        self.size -= size
        self.floor += count
        # The second run begins no later than the floor's successor: nothing of the first is kept.
        starts = self._starts
        while len(starts) > OLD_RUNS and starts[OLD_RUNS][1] <= self.floor:
            del starts[0]

    def _add(self, entry: Entry) -> None:
        entries = self.entries
        if entry.offset != self.floor + len(entries) + 1:
            raise ValueError(f"entry {entry.offset} can't follow {self.head}")
        entries.append(entry)
        self.size += ENTRY_COST + len(entry.payload)
