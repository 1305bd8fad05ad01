"""What has grown.

The first quarter of the readings is left out: caches, thread pools and the allocators' arenas fill
up once. Of the others, the median of the last third is compared with that of the first third, so
that neither a single odd reading nor one that is taken at an odd moment decides. What a process may
have grown by in between is in ``BOUNDS``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from channels_bridge.bench.generator.ledger import Counts

MIB = 2**20

#: What a process may hold more at the end, by figure. A leak goes on, so the more connections and
#: messages there are, the smaller is the one that is noticed: with 100,000 and 1,000,000 on two
#: workers, 170 bytes for each connection or 17 for each message. What is counted one by one comes
#: and goes by itself, too, but no more than a few: threads of pools, and what they hold.
BOUNDS = {
    "rss": 4 * MIB,
    "pss": 4 * MIB,
    "descriptors": 4,
    "threads": 4,
    "tasks": 4,
    "subscriptions": 4,
    "connections": 4,
}

Reading = Mapping[str, Mapping[str, int]]
"""Process -> figure -> value, at one moment."""

#: Readings that are needed at least: four to leave one out, and one for each third.
FEWEST = 4


@dataclass(frozen=True)
class Growth:
    """One figure of one process, after the warm-up."""

    process: str
    figure: str
    first: float
    last: float

    @property
    def is_good(self) -> bool:
        return self.last - self.first <= BOUNDS[self.figure]

    def __str__(self) -> str:
        values = (self.first, self.last, self.last - self.first, BOUNDS[self.figure])
        first, last, growth, bound = (show(self.figure, value) for value in values)
        judgement = "" if self.is_good else f" (at most {bound}): IT GROWS"
        return f"{self.process} {self.figure}: {first} -> {last}, grown by {growth}{judgement}"


def missed(counts: Counts) -> list[str]:
    """What clients have seen that they should not have."""
    seen = {
        "connections lost": counts.connections_lost,
        "messages lost": counts.expected - counts.delivered,
        "messages duplicated": counts.duplicated,
        "messages out of order": counts.out_of_order,
    }
    return [f"{count} {name}" for name, count in seen.items() if count]


def show(figure: str, value: float) -> str:
    """A value as people read it."""
    return f"{value / MIB:.1f} MiB" if figure in ("rss", "pss") else f"{value:g}"


def judge(readings: Sequence[Reading]) -> list[Growth]:
    """Compare, for each figure of each process that there was at the beginning.

    Raises:
        ValueError: there are too few readings to say anything.
    """
    if len(readings) < FEWEST:
        raise ValueError(f"{len(readings)} readings are too few, {FEWEST} are needed")
    warm = readings[len(readings) // 4 :]
    return list(_compare(warm, len(warm) // 3))


def _compare(readings: Sequence[Reading], third: int) -> Iterator[Growth]:
    for process, figures in readings[0].items():
        for figure in figures:
            values = [reading[process][figure] for reading in readings]
            yield Growth(process, figure, median(values[:third]), median(values[-third:]))
