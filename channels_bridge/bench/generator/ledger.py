"""The ledger of messages: which were published, and which of them arrived, once, twice or late.

It does no I/O.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from channels_bridge.bench.loads.loads import Load


@dataclass
class Counts:
    """Counts of what arrived, over the whole run, warm-up included.

    Args:
        expected: messages published, each times the members of its group.
        delivered: of those, how many arrived.
        duplicated: arrived once more.
        out_of_order: arrived after a later one of the same group; these are delivered, too.
        connections_lost: not accepted, or ended before the load did.
    """

    expected: int = 0
    delivered: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    connections_lost: int = 0


@dataclass
class Arrivals:
    """The messages of one group that came to one of its members, in whatever order."""

    due: int = 0  # the number of the next message
    missing: set[int] = field(default_factory=set)  # numbers below due that did not come

    def check(self, number: int, counts: Counts) -> bool:
        """Count a message; return whether it is a new one."""
        if number == self.due:
            self.due += 1
        elif number > self.due:
            self.missing.update(range(self.due, number))
            self.due = number + 1
        elif number in self.missing:
            self.missing.remove(number)
            counts.out_of_order += 1
        else:
            counts.duplicated += 1
            return False
        counts.delivered += 1
        return True


class Ledger:
    """The books of one run.

    Args:
        load: what is run.
        readers: how many members of each group are to receive its messages.
    """

    def __init__(self, load: Load, readers: int) -> None:
        self.counts = Counts()
        self.readers = readers
        self._run = f"{secrets.randbelow(10**6):06}"  # an application may keep messages of others
        self._id = re.compile(rb"~%b(\d{6})(\d{10})~" % self._run.encode())
        self.published: list[list[float]] = [[] for _ in range(load.groups)]  # group -> times

    def publish(self, group: int, time: float, size: int) -> str:
        """Enter a message that is due to be published at ``time``.

        Returns:
            What it is known by when it comes back, made up to ``size`` characters.
        """
        times = self.published[group]
        times.append(time)
        self.counts.expected += self.readers
        return f"~{self._run}{group:06}{len(times) - 1:010}~".ljust(size, ".")

    def read(self, payload: bytes) -> tuple[int, int] | None:
        """The group and the number of the message in it; None if it is another one."""
        found = self._id.search(payload)
        return (int(found[1]), int(found[2])) if found else None

    @property
    def settled(self) -> bool:
        """Whether all that was published has arrived."""
        return self.counts.delivered >= self.counts.expected


def percentile(ordered: list[float], percent: int) -> float:
    """The value below which that part of sorted values lies; 0 if there are none."""
    return ordered[len(ordered) * percent // 100] if ordered else 0.0


def latencies_ms(seconds: Iterable[float]) -> dict[str, float]:
    """The median, the 99th percentile and the greatest, in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50_ms": percentile(ordered, 50) * 1e3,
        "p99_ms": percentile(ordered, 99) * 1e3,
        "max_ms": ordered[-1] * 1e3 if ordered else 0.0,
    }
