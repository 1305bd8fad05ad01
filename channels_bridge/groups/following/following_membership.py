"""Membership where some groups have history: gives what is new to the members that are live.

Rules besides those of ``membership``:

- An attached member of a group with history is given its messages as the log has them, and none is
  dropped: who has no room is behind, and is fed from the replica. They do not expire.
- Channels that nothing is attached to get such messages like any others.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from math import inf
from typing import Any

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.codec import Codec
from channels_bridge.groups.history.cursor import Cursor
from channels_bridge.groups.history.member import Member
from channels_bridge.groups.history.member_listener import LogEvent
from channels_bridge.groups.history.position import Entry
from channels_bridge.groups.history.replica import Replica
from channels_bridge.groups.membership import Membership

logger = logging.getLogger("channels_bridge.groups")


class MadeOfEntry(dict[Any, Any]):
    """What shared handlers have made of one entry, as ``Made``, and of which.

    It is the same for members who speak and for others.
    """

    __slots__ = ("entry", "group")  # one for each message

    def __init__(self, group: str, entry: Entry) -> None:
        self.group = group
        self.entry = entry


class FollowingMembership(Membership):
    """The channels of one process and the groups they are in, of which some have history.

    Args:
        options: those of a Membership.
    """

    def __init__(self, *, codec: Codec, **options: Any) -> None:
        super().__init__(codec=codec, **options)
        self.members: dict[str, Member] = {}  # attached channels
        self._notices = Notices(logger)

    def detach(self, channel: str) -> set[str]:
        left = super().detach(channel)
        member = self.members.pop(channel, None)
        if member is not None:
            member.close()
        return left

    def discard(self, group: str, channel: str) -> None:
        member = self.members.get(channel)
        if member is not None:
            member.leave(group)
        super().discard(group, channel)

    def clear(self) -> None:
        super().clear()
        for member in self.members.values():
            for group in list(member.cursors):
                member.leave(group)

    def deliver_entry(self, replica: Replica[Cursor], entry: Entry) -> list[str]:
        """Give an entry that has just come to all members.

        Returns:
            The names of those that were full, where it isn't kept for them.
        """
        full = self._give(replica, entry) if replica.cursors else []
        # Attached members are in its group, too, but not in its queues.
        if self.waiting.has_bound(replica.group):
            full += self.waiting.route(replica.group, entry.payload)
        return full

    def deliver_late(self, group: str, entry: Entry) -> list[str]:
        """Give an entry to those that nothing is attached to; the others read it in the log."""
        return self.waiting.route(group, entry.payload)

    def decode(self, payload: bytes) -> dict[str, Any] | None:
        """Return a message as a member gets it; None where it can't be read."""
        try:
            return self._codec.decode(payload)
        except ValueError:
            # Each member may find that out, and each resuming client.
            if self._notices.due("unreadable") is not None:
                logger.exception("a message in a group's history can't be delivered")
            return None

    def _give(self, replica: Replica[Cursor], entry: Entry) -> list[str]:
        """The way of each message to each member: no step here is one that could be left out."""
        full: list[str] = []
        # Decoded when the first member wants a copy, and for all handlers that are shared once.
        plain = self._codec.copies(entry.payload)
        tagged: Iterator[dict[str, Any]] | None = None  # for those who speak
        made = MadeOfEntry(replica.group, entry)
        feed: Any
        for channel, cursor in replica.cursors.items():
            feed = cursor.feed
            if not feed.is_behind:
                inbox, copies = feed.inbox, plain
                if feed.speaks:
                    copies = tagged = tagged or _tag(plain, replica.group, entry)
                try:
                    sharing = inbox.sharing
                    event = next(copies) if sharing is None else sharing(made, copies)
                    if event is None or inbox.put_message(event, inf):
                        continue
                except Exception:
                    # It can't be read or sent: this member is told so when it comes to it, and the
                    # others don't depend on it.
                    pass
            if not cursor.put_off(entry):
                full.append(channel)
        return full


def _tag(copies: Iterator[dict[str, Any]], group: str, entry: Entry) -> Iterator[LogEvent]:
    for message in copies:
        yield LogEvent(message, group, entry)
