"""The shelf: logs by topic, bounded by count and age each, and by bytes together."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterator, Sequence
from math import inf

from channels_bridge.groups.history.log import Log
from channels_bridge.groups.history.position import Entry


class Ranking:
    """Topics by a number that each came with, the lowest first (a lazy heap).

    What a topic comes with may be lower than what holds by now: whoever takes it looks again.
    """

    def __init__(self) -> None:
        self._ranks: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []  # also what was discarded since

    @property
    def lowest(self) -> float:
        """The lowest number; infinite where there is none."""
        self._drop_discarded()
        return self._heap[0][0] if self._heap else inf

    def add(self, topic: str, rank: float) -> None:
        """Add a topic; one that is there stays where it is."""
        if topic in self._ranks:
            return
        self._ranks[topic] = rank
        heapq.heappush(self._heap, (rank, topic))

    def pop(self) -> str:
        """Take the topic with the lowest number."""
        self._drop_discarded()
        _, topic = heapq.heappop(self._heap)
        del self._ranks[topic]
        return topic

    def discard(self, topic: str) -> None:
        """Forget a topic."""
        self._ranks.pop(topic, None)
        if len(self._heap) > 2 * len(self._ranks) + 100:
            self._heap = [(rank, topic) for topic, rank in self._ranks.items()]
            heapq.heapify(self._heap)

    def _drop_discarded(self) -> None:
        heap, ranks = self._heap, self._ranks
        while heap and ranks.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)


class Shelf:
    """Logs by topic, and no more of them than is allowed.

    Args:
        max_bytes: how much all logs may take together, in memory. The oldest entries of all go
            first.
        on_evicted: is told the topic of each entry that went for that reason.

    Attributes:
        logs: by topic; to be changed by the methods here only.
        size: what their entries take, in bytes.
        entry_count: how many entries there are.
        name_size: how long the names of topics are, each as often as a journal has it: with each
            entry, and twice with the log.
        evicted: how many have gone to stay below ``max_bytes``.
    """

    def __init__(
        self, max_bytes: float, on_evicted: Callable[[str], None] = lambda topic: None
    ) -> None:
        self.logs: dict[str, Log] = {}
        self.size = 0
        self.entry_count = 0
        self.name_size = 0
        self.evicted = 0
        self.max_bytes = max_bytes
        self._on_evicted = on_evicted
        self._oldest = Ranking()  # by the order of a log's first entry
        self._due = Ranking()  # by when that has to go

    def put(self, topic: str, log: Log, now: float) -> None:
        """Set a topic's log, in the place of the one that was there."""
        self.remove(topic)
        self.logs[topic] = log
        self._count(topic, log, 1)
        self.trim(topic, now)
        self._evict()

    def remove(self, topic: str) -> None:
        """Remove a topic's log, if there is one."""
        log = self.logs.pop(topic, None)
        if log is not None:
            self._count(topic, log, -1)
            self._oldest.discard(topic)
            self._due.discard(topic)

    def append(self, topic: str, entry: Entry, now: float) -> None:
        """Add the next entry to a topic's log."""
        self.extend(topic, (entry,), now)

    def extend(self, topic: str, new: Sequence[Entry], now: float) -> None:
        """Add the next entries, all of one epoch, to a topic's log."""
        log = self.logs[topic]
        entries, bounds = log.entries, log.bounds
        size, count = log.size, len(entries)
        log.extend(new)
        if bounds is not None and (
            len(entries) > bounds.messages or entries[0].at + bounds.seconds <= now
        ):
            log.trim(now)
        self.size += log.size - size
        added = len(entries) - count
        if added:  # else as many of the oldest have gone
            self.entry_count += added
            self.name_size += added * len(topic)
        if not count:
            self._rank(topic, log)
        if self.size > self.max_bytes:
            self._evict()

    def trim(self, topic: str, now: float) -> None:
        """Drop what a topic's bounds don't allow any more."""
        log = self.logs[topic]
        self._count(topic, log, -1)
        log.trim(now)
        self._count(topic, log, 1)
        self._rank(topic, log)

    @contextlib.contextmanager
    def unbounded(self) -> Iterator[None]:
        """Take more than is allowed, until the end of the block.

        For who puts in what goes again by the bounds of its own log, once these are known: nothing
        of other logs has to go for it.
        """
        max_bytes, self.max_bytes = self.max_bytes, inf
        try:
            yield
        finally:
            self.max_bytes = max_bytes
            self._evict()

    def expire(self, now: float) -> None:
        """Drop all that has become too old. To be called now and then."""
        while self._due.lowest <= now:
            topic = self._due.pop()
            self.trim(topic, now)

    def _count(self, topic: str, log: Log, sign: int) -> None:
        self.size += sign * log.size
        self.entry_count += sign * len(log.entries)
        self.name_size += sign * (len(log.entries) + 2) * len(topic)

    def _rank(self, topic: str, log: Log) -> None:
        if log.entries:
            first = log.entries[0]
            self._oldest.add(topic, first.order)
            if log.bounds is not None:
                self._due.add(topic, first.at + log.bounds.seconds)

    def _evict(self) -> None:
        while self.size > self.max_bytes:
            rank, topic = self._oldest.lowest, self._oldest.pop()
            log = self.logs[topic]
            if log.entries and log.entries[0].order == rank:
                self._drop_first(topic, log)
            if log.entries:
                self._oldest.add(topic, log.entries[0].order)

    def _drop_first(self, topic: str, log: Log) -> None:
        self._count(topic, log, -1)
        log.drop_first()
        self._count(topic, log, 1)
        self.evicted += 1
        self._on_evicted(topic)
