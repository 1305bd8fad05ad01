"""Members of a group that are told who is there: by their client's protocol, or as an event."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from math import inf
from typing import Any

from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.overflow import Inbox
from channels_bridge.groups.presence.roll import RollChange

#: The type of the event for consumers that have a handler for it.
CHANGED = "presence.changed"


class RollMembers:
    """Those of one group in this process."""

    def __init__(self) -> None:
        self._members: dict[str, RollMember] = {}  # by channel

    def add(self, channel: str, listener: Listener, inbox: Inbox) -> RollMember:
        """Tell one more from now on."""
        member = self._members[channel] = RollMember(listener, inbox)
        return member

    def discard(self, group: str, channel: str) -> bool:
        """Tell one no more, and that this is so. Returns whether it was the last one."""
        member = self._members.pop(channel, None)
        if member is None:
            return False
        member.leave(group)
        return not self._members

    def tell(self, group: str, change: RollChange, whole: Callable[[], RollChange]) -> None:
        """Tell all of them.

        Args:
            whole: returns who is there, for those who have missed a change.
        """
        for member in self._members.values():
            member.tell(group, whole() if member.has_missed else change)


class RollMember:
    """One of them.

    Attributes:
        has_missed: whether it had no room for a change; it gets the whole with the next one.
    """

    __slots__ = ("_inbox", "_listener", "has_missed")

    def __init__(self, listener: Listener, inbox: Inbox) -> None:
        self.has_missed = False
        self._listener = listener
        self._inbox = inbox

    def leave(self, group: str) -> None:
        """Tell that no more follows."""
        if self._listener.speaks:
            self._listener.left(group)

    def tell(self, group: str, change: RollChange) -> None:
        """Tell who has come and who has gone."""
        if self._listener.speaks:
            self._listener.roll(group, change)
        if self._listener.hears_presence:
            # Never dropped once it is there: the next change would build on one that was missed.
            self.has_missed = not self._inbox.put_message(_event(group, change), inf)


def _event(group: str, change: RollChange) -> dict[str, Any]:
    """Return a change as an event; each consumer may do with its own what it likes."""
    return {
        "type": CHANGED,
        "group": group,
        "whole": change.is_whole,
        "joined": {key: deepcopy(here.info) for key, here in change.came.items()},
        "left": list(change.gone),
        "count": change.count,
    }
