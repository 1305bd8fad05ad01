"""The roll of one topic: its keys, who watches them, and what is still to be told to those."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from channels_bridge.groups.presence.roll import Here, RollChange, Terms

#: Seconds between two changes of a topic that are told.
INTERVAL = 1.0

#: In place of the number that was told, where not all were told the same.
NOT_THE_SAME = -1

Owner = TypeVar("Owner", bound=Hashable)


@dataclass(eq=False, slots=True)
class Listed(Generic[Owner]):
    """A key in a topic.

    Attributes:
        owners: the processes that have a connection of it.
        leaves_at: until when it lingers, where it has none.
        is_scheduled: whether somebody will look then.
    """

    info: bytes
    since: float
    owners: dict[Owner, None] = field(default_factory=dict)
    leaves_at: float = 0
    is_scheduled: bool = False


class TopicRoll(Generic[Owner]):
    """Who is present in one topic.

    Attributes:
        due_at: before that, no change is told.
    """

    __slots__ = (
        "_changed",
        "_is_whole_due",
        "_told",
        "_version",
        "due_at",
        "keys",
        "terms",
        "watchers",
    )

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.keys: dict[str, Listed[Owner]] = {}
        self.watchers: dict[Owner, None] = {}
        self.due_at = 0.0
        self._changed: dict[str, None] = {}  # since it was told; at most as many as the limit
        self._is_whole_due = False  # whether those aren't all that has changed
        self._version = 0
        self._told: int | None = None  # the number that was told, where nothing else was

    def watch(self, owner: Owner, now: float) -> RollChange:
        """Tell an owner of changes from now on. Returns what they follow."""
        is_first = not self.watchers
        self.watchers[owner] = None
        # What others haven't been told yet is told this one twice, which does no harm.
        change = self.whole(now)
        told = change.count if change.is_counted else None
        if is_first:
            self._told = told
        elif told != self._told:  # what they know differs: whatever comes next is for all
            self._told = NOT_THE_SAME
        return change

    def unwatch(self, owner: Owner) -> None:
        """Tell an owner nothing more."""
        self.watchers.pop(owner, None)
        if not self.watchers:
            self._changed.clear()
            self._is_whole_due = False

    def mark(self, key: str) -> bool:
        """A key has changed. Returns whether anybody is to be told."""
        if not self.watchers:
            return False
        if len(self._changed) < self.terms.limit:
            self._changed[key] = None
        else:
            self._is_whole_due = True
        return True

    def take_change(self, now: float) -> RollChange | None:
        """Return what is to be told; None where nothing of it has changed."""
        told = self._told
        is_whole = self._is_whole_due or told is not None or len(self.keys) > self.terms.limit
        self._version += 1
        change = self.whole(now) if is_whole else self._difference(now)
        self._changed.clear()
        self._is_whole_due = False
        self._told = change.count if change.is_counted else None
        self.due_at = now + INTERVAL
        if told is not None and told == self._told:
            self._version -= 1
            return None
        return change

    def all_here(self, now: float) -> dict[str, Here]:
        """Return all who are present, however many."""
        return {key: _here(listed, now) for key, listed in self.keys.items()}

    def whole(self, now: float) -> RollChange:
        """Return all who are present, or their number."""
        count = len(self.keys)
        came = self.all_here(now) if count <= self.terms.limit else {}
        return RollChange(self._version, True, came, (), count)

    def _difference(self, now: float) -> RollChange:
        keys = self.keys
        came = {key: _here(keys[key], now) for key in self._changed if key in keys}
        gone = [key for key in self._changed if key not in keys]
        return RollChange(self._version, False, came, gone, len(keys))


def _here(listed: Listed[Owner], now: float) -> Here:
    return Here(listed.info, now - listed.since, len(listed.owners))
