"""A thread-safe node whose groups are kept, for processes other than a server's workers."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any, cast

from channels_bridge.groups.following.following_node import SWEEP_INTERVAL, FollowingNode
from channels_bridge.groups.following.member_feed import LockedFeed
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history_transport import HistoryTransport
from channels_bridge.groups.presence.presence_transport import PresenceTransport
from channels_bridge.groups.threadsafe_node import ThreadsafeNode


class ThreadsafeFollowingNode(FollowingNode, ThreadsafeNode):
    """A process' part in a channel layer of which some groups have history, whoever calls.

    What is sent to such a group is kept when ``group_send()`` returns, and members here have it.

    Args:
        options: those of a FollowingNode and of a ThreadsafeNode.
    """

    _transport: HistoryTransport

    def __init__(self, **options: Any) -> None:
        self._look_at = time.monotonic() + SWEEP_INTERVAL
        super().__init__(**options)
        self._transport.start_following(self._follower)
        cast(PresenceTransport, self._transport).start_watching(self.presence)

    async def group_send(self, group: str, payload: bytes) -> None:
        if self._config.history_policy(group) is None:
            await super().group_send(group, payload)
            return
        self._look_if_due()
        await super().group_send(group, payload)
        if self._membership.has_members(group):
            await self._let_receivers_run()

    def _make_feed(self, inbox: Any, **options: Any) -> Feed:
        return LockedFeed(inbox, self._lock, **options)

    def _lock_of_follower(self) -> AbstractContextManager[Any]:
        return self._lock

    def _look_if_due(self) -> None:
        """No loop would do it from time to time."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + SWEEP_INTERVAL
            self._follower.sweep()
