"""Replicas of the groups that this process follows, and when it stops following them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from channels_bridge.groups.history.cursor import Cursor
from channels_bridge.groups.history.feed import FeedFigures
from channels_bridge.groups.history.position import Bounds, Entry
from channels_bridge.groups.history.replica import Replica
from channels_bridge.groups.history.shelf import Shelf
from channels_bridge.groups.layer_statistics import HistoryStatistics

#: For how long a group without members is followed, in seconds: clients that come back find what
#: they missed, without a question to the hub for each.
LINGER = 60.0


class FollowedGroups:
    """The groups that are followed, each with its replica.

    Args:
        max_bytes: how much all replicas may take together.
        deliver: gives an entry that has just come to the members of a replica.
    """

    def __init__(self, max_bytes: float, deliver: Callable[[Replica[Cursor], Entry], None]) -> None:
        self.figures = FeedFigures()
        self._shelf = Shelf(max_bytes)
        self._deliver = deliver
        self._replicas: dict[str, Replica[Cursor]] = {}
        self._idle_since: dict[str, float] = {}  # those that had no member when they were looked at

    def find(self, group: str) -> Replica[Cursor] | None:
        """Return the replica of a group that is followed, filled or not."""
        return self._replicas.get(group)

    def begin(self, group: str, bounds: Bounds) -> Replica[Cursor]:
        """Return the replica of a group that is followed from now on, if it wasn't before."""
        self._idle_since.pop(group, None)
        if group not in self._replicas:
            self._replicas[group] = Replica(group, bounds, self._shelf, self._deliver)
        return self._replicas[group]

    def end(self, group: str) -> None:
        """Forget a group that isn't followed any more."""
        del self._replicas[group]
        self._idle_since.pop(group, None)
        self._shelf.remove(group)

    def expire(self, now: float) -> None:
        """Drop what is too old."""
        self._shelf.expire(now)

    def idle_for_long(self, now: float, is_used: Callable[[str], bool]) -> Iterator[str]:
        """Yield groups that nobody has used for a while; to be called now and then."""
        for group in list(self._replicas):
            if is_used(group):
                self._idle_since.pop(group, None)
            elif self._idle_since.setdefault(group, now) + LINGER <= now:
                yield group

    def statistics(self) -> HistoryStatistics:
        """Say how much there is. May be called from any thread."""
        shelf, figures = self._shelf, self.figures
        return HistoryStatistics(
            replicas=len(self._replicas),
            messages=shelf.entry_count,
            bytes=shelf.size,
            behind=figures.behind,
            replayed=figures.replayed,
            evictions=shelf.evicted,
            gaps=figures.gaps,
            lost=figures.missed,
        )
