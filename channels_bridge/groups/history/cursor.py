"""Cursors: where a member is in a replica.

A live member's place is the head of the log. What is noted is the place of one that is behind. What
is told to a member has its place among its messages, also that something is missing.
"""

from __future__ import annotations

from math import inf
from typing import Any

from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.log import Log
from channels_bridge.groups.history.member_listener import LogEvent, Notice
from channels_bridge.groups.history.position import Claim, Entry, Joined, Position, Why
from channels_bridge.groups.history.replica import Replica, next_position


class Cursor:
    """A member's place in one replica.

    Attributes:
        offset: the number of the last entry that the member has, while ``is_due``; otherwise that
            is the log's head.
        joined: what ``group_add()`` returns.
        is_due: whether something is to be taken here.
    """

    __slots__ = (
        "_is_catching_up",
        "_partial",
        "_why",
        "feed",
        "is_due",
        "joined",
        "offset",
        "replica",
    )

    def __init__(self, feed: Feed, replica: Replica[Cursor]) -> None:
        self.feed = feed
        self.replica = replica
        self.offset = 0
        self.is_due = False
        self.joined = _NEW
        self._why: Why | None = None  # of a gap that is to be told
        self._is_catching_up = False  # whether it is to be told that it has caught up
        self._partial: tuple[Position, int] | None = None  # a message of which it has frames

    # Joining.

    def begin(self, *, is_gap: bool) -> None:
        """Begin at the head, also where the client can't go on where it was."""
        if is_gap:
            self.joined = _GAP
            self.feed.figures.gaps += 1

    def go_on(self, claim: Claim) -> None:
        """Begin where the client was, which the log can serve."""
        offset = claim.position.offset
        self.joined = Joined(True, self.replica.log.head - offset)
        if claim.frames:
            self._partial = (next_position(claim.position), claim.frames)
        self._is_catching_up = True
        self._be_due(offset)

    # What comes while it is a member.

    def give(self, entry: Entry, event: Any) -> bool:
        """Give the member the entry that has just come, made an event. False: it is dropped.

        An entry that is kept is never dropped: who has no room for it is behind.
        """
        if self.feed.is_behind:
            return self.put_off(entry)
        return self.feed.inbox.put_message(event, inf) or self.put_off(entry)

    def put_off(self, entry: Entry) -> bool:
        """Don't give the member the entry that has just come, as it is behind.

        False: it is dropped, as it isn't kept.
        """
        if entry.offset == 0:
            return False
        self.be_due_after(entry.offset - 1)
        return True

    def be_due_after(self, offset: int) -> None:
        """Have what follows that number taken, if what precedes it isn't still to be taken."""
        if not self.is_due:
            self._be_due(offset)

    def move(self, old: Log, new: Log) -> None:
        """Find its place in the log that has taken the place of the old one."""
        offset = self.offset if self.is_due else old.head
        why = self._why or self._why_not(old.position_at(offset), new)
        if why is not None:
            self._lose(why, offset)
        elif offset < new.head or self.is_due:
            self._be_due(offset)

    def _why_not(self, place: Position, log: Log) -> Why | None:
        why = log.why_not(place)
        if why is None and self._partial is not None and not log.has_numbered(self._partial[0]):
            return Why.UNKNOWN
        return Why.LAGGED if why is Why.EXPIRED else why

    # What is taken.

    def next_order(self) -> float:
        """The number of what it has to give, among those of all groups; what is told goes first."""
        if self._why is not None:
            return 0
        entry = self.replica.log.next_after(self.offset)
        return entry.order if entry is not None else 0

    def take(self) -> dict[str, Any] | None:
        """Take what is next here; None where that is nothing for the member."""
        log = self.replica.log
        if self.offset < log.floor:
            self._lose(self._why or Why.LAGGED, self.offset)
            if self._why is None:
                return None  # another group may be first now
        if self._why is not None:
            why, self._why = self._why, None
            return Notice(self.replica.group, log.position_at(self.offset), why)
        entry = log.next_after(self.offset)
        if entry is None:
            return self._arrive(log)
        self.offset = entry.offset
        return self._replay(entry)

    def _replay(self, entry: Entry) -> dict[str, Any] | None:
        partial, self._partial = self._partial, None
        feed, group = self.feed, self.replica.group
        message = feed.decode(entry.payload)
        if message is None:
            feed.figures.gaps += 1
            feed.figures.missed += 1
            return Notice(group, entry.position, Why.FAILED) if feed.speaks else None
        feed.figures.replayed += 1
        if not feed.speaks:
            return message
        frames = partial[1] if partial is not None and partial[0] == entry.position else 0
        return LogEvent(message, group, entry, is_replay=True, frames=frames)

    def _arrive(self, log: Log) -> Notice | None:
        self.is_due = False
        self.feed.remove(self)
        if not self._is_catching_up:
            return None
        self._is_catching_up = False
        return Notice(self.replica.group, log.position, None)

    def _lose(self, why: Why, offset: int) -> None:
        """Go to where it can go on: something before that is missing."""
        log, figures = self.replica.log, self.feed.figures
        figures.gaps += self._why is None
        self._partial = None
        self._is_catching_up = False
        if self.feed.speaks:
            self._why = why  # its client is told, and begins with what there is now
        # Who isn't told gets all that is left, where that is certain to be new.
        is_to_go_on = why is Why.LAGGED and not self.feed.speaks
        place = log.floor if is_to_go_on else log.head
        figures.missed += max(place - offset, 1)
        self._be_due(place)

    def _be_due(self, offset: int) -> None:
        self.offset = offset
        if not self.is_due:
            self.is_due = True
            self.feed.add(self)


_NEW = Joined(None)
_GAP = Joined(False)
