"""What a member is fed while it is behind: in turn, or under a lock."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

from channels_bridge.groups.following.feeding_turns import SHARE, FeedingTurns
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.overflow import Inbox


class FedInbox(Inbox, Protocol):
    """An inbox whose reader looks at a feed as well, and can be told to do so."""

    def wake(self) -> None: ...


class FeedInTurn(Feed):
    """What comes to a member on the home loop, in turn with the others that are behind."""

    __slots__ = ("_share", "_turns")

    inbox: FedInbox

    def __init__(self, inbox: FedInbox, turns: FeedingTurns, **options: Any) -> None:
        super().__init__(inbox, wake=inbox.wake, **options)
        self._turns = turns
        self._share = 0  # how many messages are left in its turn

    def take(self) -> dict[str, Any] | None:
        """Take what comes next; None where nothing does, or it isn't its turn: it is woken then."""
        if not self._share:
            if not self._turns.claim(self.inbox):
                return None
            self._share = SHARE
        self._share -= 1
        return super().take()

    def close(self) -> None:
        self._turns.forget(self.inbox)
        super().close()


class LockedFeed(Feed):
    """What comes to a member that any thread may read."""

    __slots__ = ("_lock",)

    def __init__(self, inbox: FedInbox, lock: AbstractContextManager[Any], **options: Any) -> None:
        super().__init__(inbox, wake=inbox.wake, **options)
        self._lock = lock

    def take(self) -> dict[str, Any] | None:
        with self._lock:
            return super().take()
