"""The replica: a copy of a log's end in one process, and those who read in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import dropwhile
from typing import Generic, Protocol, TypeVar

from channels_bridge.groups.history.log import Log
from channels_bridge.groups.history.position import (
    Bounds,
    Claim,
    Entry,
    Excerpt,
    Position,
    Why,
)
from channels_bridge.groups.history.shelf import Shelf


class Reader(Protocol):
    """A place in a replica: ``Cursor``."""

    def move(self, old: Log, new: Log) -> None:
        """Another log has taken the place of the one that it was in."""

    def be_due_after(self, offset: int) -> None:
        """The log goes on behind that number, which was its head."""


R = TypeVar("R", bound=Reader)


class Replica(Generic[R]):
    """What a process knows of one group's log.

    It is given excerpts and entries in the order of the stream that they come by. An entry that
    isn't the next one is not taken: the replica is *broken* then, its position is None, and a whole
    excerpt mends it.

    Members take what excerpts bring in the order in which it was sent to all their groups, if the
    excerpts of all groups that a process asks for at once are handed in without a break.

    Args:
        group: whose.
        bounds: how much of it is kept here.
        shelf: where the log is, beside those of other groups.
        deliver: gives an entry that has just come to all cursors that there are.

    Attributes:
        cursors: its readers, by channel.
        is_broken: whether it has to be asked for as a whole.
    """

    __slots__ = ("_deliver", "_log", "_shelf", "bounds", "cursors", "group", "is_broken")

    def __init__(
        self,
        group: str,
        bounds: Bounds,
        shelf: Shelf,
        deliver: Callable[[Replica[R], Entry], None],
    ) -> None:
        self.group = group
        self.bounds = bounds
        self.cursors: dict[str, R] = {}
        self.is_broken = False
        self._shelf = shelf
        self._deliver = deliver
        self._log: Log | None = None

    @property
    def is_filled(self) -> bool:
        """Whether there is a log yet: the first excerpt has come."""
        return self._log is not None

    @property
    def log(self) -> Log:
        """The log.

        Raises:
            RuntimeError: there is none yet.
        """
        if self._log is None:
            raise RuntimeError(f"the log of {self.group!r} has not come yet: follow() it first")
        return self._log

    @property
    def position(self) -> Position | None:
        """Where it is, for ``follow()``; None where all is to be sent."""
        return None if self._log is None or self.is_broken else self._log.position

    # What members ask.

    def why_not(self, claim: Claim) -> Why | None:
        """Why a client can't go on where it says that it was; None where it can."""
        why = self.log.why_not(claim.position)
        if why is None and claim.frames:
            # What it has got of the next message belongs to that message, and to no other that got
            # the same number from another hub.
            is_there = self.log.has_numbered(next_position(claim.position))
            return None if is_there else Why.UNKNOWN
        return why

    def can_answer(self, claim: Claim) -> bool:
        """Whether it is certain what to say to a claim.

        Otherwise the client may have been ahead of this process, with another one that was faster:
        the log is to be asked for once more before anything is said to be missing.
        """
        return self.why_not(claim) is not Why.UNKNOWN

    # What comes.

    def take_excerpt(self, excerpt: Excerpt, now: float) -> None:
        """Go on behind where it is, or begin anew, as the excerpt says."""
        if excerpt.is_whole:
            self._begin_anew(Log.from_excerpt(excerpt, self.bounds), now)
        elif self._log is not None and not self.is_broken:
            self._go_on(self._log, excerpt, now)
        # Otherwise it goes on from where another replica of the group was, which has been given up
        # meanwhile: a whole excerpt is on its way for this one.

    def take_entry(self, entry: Entry, now: float) -> bool:
        """Take the next entry, and give it to all cursors. False where it isn't the next one."""
        return self.take_entries((entry,), now)

    def take_entries(self, entries: Sequence[Entry], now: float) -> bool:
        """Do the same with several, of one epoch, which follow one another or are all not kept."""
        log, offset = self._log, entries[0].offset
        if log is None or self.is_broken:
            return True  # an excerpt is on its way, which has them
        if offset and offset != log.head + 1:
            return self._take_unknown(log, entries, now)
        if offset:
            self._shelf.extend(self.group, entries, now)
        deliver = self._deliver
        for entry in entries:
            deliver(self, entry)
        return True

    def _take_unknown(self, log: Log, entries: Sequence[Entry], now: float) -> bool:
        """Leave out what an excerpt and the stream both have, which comes twice."""
        new = list(dropwhile(lambda entry: log.has_numbered(entry.position), entries))
        self.is_broken = len(new) == len(entries)
        return not self.is_broken and (not new or self.take_entries(new, now))

    def _go_on(self, log: Log, excerpt: Excerpt, now: float) -> None:
        # Members aren't given these at once, but take them in the order of all their groups: the
        # excerpts of the other groups are not here yet.
        head = log.head
        for entry in excerpt.entries:
            if entry.offset == log.head + 1:
                self._shelf.append(self.group, entry, now)
            elif not log.has_numbered(entry.position):
                self.is_broken = True
                break
        if log.head > head:
            for cursor in self.cursors.values():
                cursor.be_due_after(head)
        log.adopt_runs(excerpt.runs)

    def _begin_anew(self, new: Log, now: float) -> None:
        old, self._log = self._log, new
        self.is_broken = False
        self._shelf.put(self.group, new, now)
        if old is not None:
            for cursor in self.cursors.values():
                cursor.move(old, new)


def next_position(position: Position) -> Position:
    """The place behind the next entry of the same epoch."""
    return Position(position.epoch, position.offset + 1)
