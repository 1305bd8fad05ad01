"""Publications suppressed while a topic has no other subscriber, under a lease.

``Unheard`` is a process' side, ``Leases`` the hub's. The rules, and why nothing is missed, are in
this package's docstring. No I/O here.

What it saves depends on where members are. CPU of hub and workers for one ``group_send()``, in
microseconds, with it and without it, means of three interleaved rounds on two shared cores (1,200
members, 300 messages a second from each worker, to rooms of its own members; in the repository,
``python -m compat_tests.bench.suppression`` measures rooms of one size):

- one worker: 194 and 296 with rooms of 5, 169 and 339 with rooms of 100;
- four workers, each member alone in a room: 149 and 231;
- four workers, members spread over them: 345 and 308 with rooms of 2, 332 and 334 with 5, 362 and
  371 with 100, 344 and 357 where a quarter of the sends goes to rooms of 1, 2, 10 and 100 each. Two
  rounds of the same are up to a fifth apart, so there is no difference; nor is there one for groups
  of one member that any worker sends to (294 and 290), or for groups without any (217 and 216).

So it is for servers of one worker, the default on a machine of one core: it saves them a third to a
half of what groups cost, and leaves the hub little to do. Whoever runs several workers with mixed
rooms neither gains nor loses CPU by it. Should servers of one worker cease to matter, it can go.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import NamedTuple

from channels_bridge.groups.wire.v1 import groups_pb2 as wire

#: How long it counts that nobody else listens, in seconds: for the process since it asked, for the
#: hub since it answered. So the hub waits longer even if its clock runs a little faster.
LEASE = 0.5
HUB_LEASE = 0.6

#: What a hub says of itself that grants no lease to processes that only publish, and asks them
#: nothing: they don't read.
FEATURE = "publishers"

#: How many topics a process may keep to itself.
MAX_TOPICS = 10_000

#: Of Resume frames; never the same for two streams of one process.
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
    """The topics that one process keeps to itself, as far as the hub knows.

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
    """A condition that a subscriber waits for: the end of a silence, or without one a time."""

    until: float
    silence: Silence | None = None
    number: int = 0

    def is_over(self, now: float) -> bool:
        """Whether messages will come from now on."""
        return now >= self.until or (
            self.silence is not None and self.silence.has_resumed(self.number)
        )


class Leases:
    """The leases that a hub has granted, by process.

    Args:
        is_first: whether there certainly was no hub before, whose leases may not be over.
    """

    def __init__(self, *, is_first: bool) -> None:
        self._silences: dict[bytes, Silence] = {}
        self._before = Wait(time.monotonic() + (0 if is_first else HUB_LEASE))

    def grant(self, process: bytes, topic: str, write: Callable[[wire.Resume], None]) -> bool:
        """Let a process keep to itself what it publishes to a topic.

        Args:
            write: tells the process something, on the stream that it has now.

        Returns:
            False when it does so with too many topics already.
        """
        return self._silences.setdefault(process, Silence(write)).add(topic)

    def revoke(self, topic: str, but: bytes | None = None) -> list[Wait]:
        """Ask all processes but one to publish to a topic again: somebody is about to listen.

        Returns:
            What to wait for until all of them do.
        """
        waits = [
            silence.break_(topic)
            for process, silence in self._silences.items()
            if process != but and topic in silence
        ]
        return waits if self._before.is_over(time.monotonic()) else [*waits, self._before]

    def resumed(self, process: bytes, number: int, topic: str) -> None:
        """A process publishes to a topic again."""
        silence = self._silences.get(process)
        if silence is not None:
            silence.resumed(number, topic)

    def end(self, process: bytes) -> None:
        """A process has a new stream, or has left: it keeps nothing to itself."""
        silence = self._silences.pop(process, None)
        if silence is not None:
            silence.end()

    def sweep(self) -> None:
        """Forget the leases that are over."""
        now = time.monotonic()
        for process, silence in list(self._silences.items()):
            if now >= silence.until:
                del self._silences[process]
