"""Members: connections, and where they are in the logs of their groups."""

from __future__ import annotations

from channels_bridge.groups.history.cursor import Cursor
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.history.position import Answer, Claim, Joined, Position, Why
from channels_bridge.groups.history.replica import Replica


class Member:
    """A connection, in all groups with history that it is in.

    Args:
        channel: its name.
        feed: what comes to it.
        listener: who speaks for its client; None: nobody.

    Attributes:
        cursors: by group.
    """

    __slots__ = ("channel", "cursors", "feed", "listener")

    def __init__(self, channel: str, feed: Feed, listener: Listener | None = None) -> None:
        self.channel = channel
        self.feed = feed
        self.listener = listener if feed.speaks else None
        self.cursors: dict[str, Cursor] = {}

    def claim(self, group: str) -> Claim | Why | None:
        """Where its client says that it was in a group."""
        return self.listener.claim(group) if self.listener is not None else None

    def join(self, replica: Replica[Cursor], claim: Claim | Why | None) -> Joined:
        """Become a member from the claimed place on, or from here; once.

        Where ``Replica.can_answer()`` has said no, the log is to be asked for before.
        """
        group = replica.group
        if group in self.cursors:
            return self.cursors[group].joined
        cursor = Cursor(self.feed, replica)
        self.cursors[group] = replica.cursors[self.channel] = cursor
        why = replica.why_not(claim) if isinstance(claim, Claim) else claim
        if isinstance(claim, Claim) and why is None:
            self._tell(group, Answer.OK, claim.position, None)
            cursor.go_on(claim)
        else:
            answer = Answer.NEW if why is None else Answer.GAP
            self._tell(group, answer, replica.log.position, why)
            cursor.begin(is_gap=why is not None)
        return cursor.joined

    def leave(self, group: str) -> None:
        """Be a member no longer; what is in the inbox stays there."""
        if self._forget(group) and self.listener is not None:
            self.listener.left(group)

    def close(self) -> None:
        """Leave all groups: the connection is gone."""
        for group in list(self.cursors):
            self._forget(group)
        self.feed.close()

    def _tell(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        if self.listener is not None:
            self.listener.joined(group, answer, position, why)

    def _forget(self, group: str) -> bool:
        cursor = self.cursors.pop(group, None)
        if cursor is None:
            return False
        cursor.replica.cursors.pop(self.channel, None)
        self.feed.remove(cursor)
        return True
