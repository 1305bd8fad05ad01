"""The feed of a member that is behind: what it takes when its inbox is empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class MemberInbox(Protocol):
    """What a member's queue is asked here."""

    def put_message(self, message: Any, expires: float) -> bool:
        """Add a message; False where there is no room."""


class Source(Protocol):
    """One of the groups that a member is in: ``Cursor``."""

    def next_order(self) -> float:
        """The number of what it has to give, among those of all groups."""

    def take(self) -> dict[str, Any] | None:
        """Take what is next here; None where that is nothing for the member."""


class FeedFigures:
    """What happens to the members of a process.

    Attributes:
        behind: how many are behind.
        replayed: how many messages members were fed while they were behind.
        gaps: how often something was missing for a member.
        missed: how many messages that were, where it is known; of each gap one at least.
    """

    __slots__ = ("behind", "gaps", "missed", "replayed")

    def __init__(self) -> None:
        self.behind = self.replayed = self.gaps = self.missed = 0


class Feed:
    """What comes to one member, from all groups with history that it is in.

    A member is *live* while what comes goes straight into its inbox. Once that is full, or where it
    begins further back, it is *behind*: nothing of these groups goes into its inbox then. When the
    inbox is empty its run loop takes one event after the other from here, of all groups in the
    order in which they were sent, until there is none; in that step it is live again.

    Args:
        inbox: its queue.
        decode: makes a message of a payload; None where that can't be read, which it has logged.
        figures: shared by all members.
        speaks: whether the client is told where it is: then there are ``LogEvent`` and ``Notice``.
        wake: lets the run loop look here, where it waits for the inbox: a member that is behind has
            something there, or was woken.

    Attributes:
        is_behind: whether ``take()`` is to be called once the inbox is empty.
    """

    __slots__ = ("_due", "decode", "figures", "inbox", "is_behind", "speaks", "wake")

    def __init__(
        self,
        inbox: MemberInbox,
        *,
        decode: Callable[[bytes], dict[str, Any] | None],
        figures: FeedFigures,
        speaks: bool = False,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.inbox = inbox
        self.decode = decode
        self.figures = figures
        self.speaks = speaks
        self.wake = wake
        self.is_behind = False
        self._due: dict[Source, None] = {}  # those that aren't at the head of their logs

    def take(self) -> dict[str, Any] | None:
        """Take what comes next, once the inbox is empty; None where nothing is due: it is live."""
        due = self._due
        while due:
            first = min(due, key=_next_order) if len(due) > 1 else next(iter(due))
            event = first.take()
            if event is not None:
                return event
        self._be_live()
        return None

    def close(self) -> None:
        """Nothing is taken any more."""
        self._due.clear()
        self._be_live()

    # For cursors.

    def add(self, source: Source) -> None:
        """There is something to take: the member is behind now."""
        self._due[source] = None
        if not self.is_behind:
            self.is_behind = True
            self.figures.behind += 1
            self.wake()

    def remove(self, source: Source) -> None:
        """There is nothing to take any more."""
        self._due.pop(source, None)

    def _be_live(self) -> None:
        if self.is_behind:
            self.is_behind = False
            self.figures.behind -= 1


def _next_order(source: Source) -> float:
    return source.next_order()
