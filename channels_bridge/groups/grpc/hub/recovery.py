"""Recovery after a hub's death: its successor waits for the processes that were receiving.

What is published meanwhile is held, since they are to get it. No I/O here, but for a look whether
a process exists.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping

from channels_bridge.groups.discovery.process_liveness import UNKNOWN, is_gone

#: All in seconds of the hub's uptime.
PATIENCE = 15.0  # for a process that exists: it may be stopped, or in code that blocks its loop
RETURN = 5.0  # for one of which nobody knows whether it exists
NEWS = 1.5  # for the first to say whom to wait for: clients try to connect once a second

#: How many of those that missed something to remember.
MAX_LEFT_OUT = 10_000


class Returning:
    """The processes to wait for, and until when.

    Args:
        roster: the processes that were receiving from the hub before: id -> presence. None when
            nobody knows: they then say of each other who was there.
        is_first: whether there certainly was no hub before.
    """

    def __init__(self, roster: Mapping[bytes, str] | None, *, is_first: bool) -> None:
        self.awaited: dict[bytes, str] = dict(roster or {})
        self.is_over = is_first
        self._knows = is_first or roster is not None

    def expect(self, ids: Iterable[bytes], now: float) -> None:
        """Somebody who is back knows these from the hub before. Too late, it changes nothing."""
        if not self._knows and now < RETURN:
            self.is_over = False
            for id in ids:
                self.awaited.setdefault(id, UNKNOWN)

    def look(self, back: Collection[bytes], now: float) -> set[bytes]:
        """Find out whether everybody is there who will come.

        Returns those that are given up.
        """
        for id, presence in list(self.awaited.items()):
            if id in back or is_gone(presence):
                del self.awaited[id]
        missing = [p for p in self.awaited.values() if now < (RETURN if p == UNKNOWN else PATIENCE)]
        self.is_over = not missing and (self._knows or now >= NEWS)
        if not self.is_over:
            return set()
        given_up, self.awaited = set(self.awaited), {}
        return given_up


class LeftOut:
    """Processes that were forgotten while they were receiving: they are told if they come back."""

    def __init__(self) -> None:
        self._processes: OrderedDict[bytes, None] = OrderedDict()  # oldest first

    def add(self, process: bytes) -> None:
        """Remember one, and if need be forget the oldest."""
        self._processes[process] = None
        if len(self._processes) > MAX_LEFT_OUT:
            self._processes.popitem(last=False)

    def take(self, process: bytes) -> bool:
        """Whether one is among them. It is told so, and not remembered any more."""
        if process not in self._processes:
            return False
        del self._processes[process]
        return True
