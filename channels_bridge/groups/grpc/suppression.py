"""What processes keep to themselves, because nobody else listens: both sides of it.

The rules, and why nothing is missed, are in this package's docstring. No I/O here.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import NamedTuple

from channels_bridge.groups.wire.v1 import groups_pb2 as wire

__all__ = ["HUB_LEASE", "LEASE", "MAX_TOPICS", "Silence", "Unheard", "Wait"]

# How long it counts that nobody else listens, in seconds: for the process since it asked, for the
# hub since it answered. So the hub waits longer even if its clock runs a little faster.
LEASE = 0.5
HUB_LEASE = 0.6

# How many topics a process may keep to itself.
MAX_TOPICS = 10_000

# Of Resume frames; never the same for two streams of one process.
_numbers = itertools.count(1)


class Unheard:
    """The topics to which nobody else listens, as a process knows them."""

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._until = 0.0
        self._lease = LEASE

    def __contains__(self, topic: str) -> bool:
        return topic in self._topics and time.monotonic() < self._until

    def add(self, topic: str, asked: float) -> None:
        """The hub, asked at a moment of ``time.monotonic()``, said that nobody else listens."""
        if time.monotonic() >= self._until:
            self._topics.clear()  # the hub may have forgotten them
        self._topics.add(topic)
        self._until = max(self._until, asked + self._lease)

    def discard(self, topic: str) -> None:
        """Somebody is about to listen."""
        self._topics.discard(topic)

    def clear(self) -> None:
        """Nothing is known any more."""
        self._until = 0.0

    def close(self) -> None:
        """Nothing will be known from now on."""
        self._lease = 0.0
        self.clear()


class Silence:
    """What one process keeps to itself, as far as the hub knows.

    Args:
        write: tells the process something.

    Attributes:
        until: when it ends at the latest, in ``time.monotonic()``.
    """

    def __init__(self, write: Callable[[wire.Resume], None]) -> None:
        self.until = 0.0
        self._write = write
        self._topics: dict[str, int] = {}  # topic -> number of the last Resume, or 0
        self._resumed = 0  # the highest number that came back

    def __contains__(self, topic: str) -> bool:
        return topic in self._topics

    def add(self, topic: str) -> bool:
        """Allow it. False when it is about too many topics: unless it is renewed, it ends soon."""
        if len(self._topics) >= MAX_TOPICS:
            return False
        self._topics[topic] = 0
        self.until = time.monotonic() + HUB_LEASE
        return True

    def break_(self, topic: str) -> Wait:
        """Tell the process that somebody wants to listen to one of those topics."""
        number = self._topics[topic] = next(_numbers)
        self._write(wire.Resume(number=number, topic=topic))
        return Wait(self.until, self, number)

    def resumed(self, number: int, topic: str) -> None:
        """The process publishes to a topic again."""
        self._resumed = number
        if self._topics.get(topic) == number:
            del self._topics[topic]

    def has_resumed(self, number: int) -> bool:
        """Whether a Resume has come back."""
        return self._resumed >= number

    def end(self) -> None:
        """The process keeps nothing to itself any more."""
        self.until = 0.0
        self._resumed = next(_numbers)


class Wait(NamedTuple):
    """Somebody waits for the end of a silence. Without one, for the time when it is over."""

    until: float
    silence: Silence | None = None
    number: int = 0

    def is_over(self, now: float) -> bool:
        """Whether messages will come from now on."""
        return now >= self.until or (
            self.silence is not None and self.silence.has_resumed(self.number)
        )
