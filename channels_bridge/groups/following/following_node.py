"""A node whose groups are kept: it follows their logs, and appends to them.

Of a group with history

- what is sent here goes to the log first, and comes back numbered: members here get it in the one
  order of all processes,
- this process has a replica while it has members, and for a while after,
- a member is a cursor in that replica.

Everything else goes as in a plain node.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from contextlib import AbstractContextManager
from functools import cached_property
from math import inf
from typing import Any, cast

from channels_bridge.groups.following.feeding_turns import FeedingTurns
from channels_bridge.groups.following.following_membership import FollowingMembership
from channels_bridge.groups.following.log_follower import LogFollower
from channels_bridge.groups.following.member_feed import FeedInTurn
from channels_bridge.groups.following.node_presence import NodePresence
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.kept_messages import HistoryMessages, select
from channels_bridge.groups.history.log import Log
from channels_bridge.groups.history.member import Member
from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.history.position import Bounds, Joined, Position
from channels_bridge.groups.history_transport import HistoryTransport
from channels_bridge.groups.layer_statistics import HistoryStatistics
from channels_bridge.groups.node import Node
from channels_bridge.groups.overflow import Inbox
from channels_bridge.groups.policies.history_options import HistoryOptions
from channels_bridge.groups.presence.presence_transport import PresenceTransport

#: How often replicas are looked through for what has expired, in seconds.
SWEEP_INTERVAL = 5.0

#: Of an excerpt.
ALL = Bounds(sys.maxsize, inf)


class FollowingNode(Node):
    """A process' part in a channel layer of which some groups have history.

    Args:
        options: those of a Node; its config has HistoryOptions.
    """

    _membership: FollowingMembership

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._turns = FeedingTurns()
        # As quick to enter as can be, which a nullcontext isn't: it is entered for each message.
        self._no_lock = threading.RLock()
        self._looking: asyncio.TimerHandle | None = None
        self._follower = LogFollower(
            membership=self._membership,
            get_transport=lambda: self._history_transport,
            max_bytes=cast(HistoryOptions, self._config).history_bytes,
            on_full=self._dropped,
            on_joined=self._arrived,
            lock=self._lock_of_follower(),
            asks_together=self.loop is not None,
        )
        self.presence = NodePresence(
            get_policy=self._config.presence_policy,
            get_capacity=self._get_capacity,
            expiry=self._config.expiry,
            get_transport=lambda: cast(PresenceTransport, self._transport),
            lock=self._lock_of_follower(),
        )

    @cached_property
    def _transport(self) -> HistoryTransport:
        transport: Any = self._make_transport()
        transport.start(self._deliver)
        transport.start_following(self._follower)
        transport.start_watching(self.presence)
        self._sweep_later()
        self._look_later()
        return transport  # type: ignore[no-any-return]

    @property
    def _history_transport(self) -> HistoryTransport:
        return self._transport

    # Channels.

    def attach(self, channel: str, inbox: Inbox, listener: Listener | None = None) -> Feed:
        """Deliver messages for ``channel`` into ``inbox`` from now on.

        Returns:
            Where those are that it had no room for, of groups with history.
        """
        feed = self._make_feed(
            inbox,
            decode=self._membership.decode,
            figures=self._follower.figures,
            speaks=listener is not None and listener.speaks,
        )
        self._membership.members[channel] = Member(channel, feed, listener)
        if listener is not None:
            with self._lock_of_follower():
                self.presence.attached(channel, inbox, listener)
        super().attach(channel, inbox)
        for group in self._membership.groups_of(channel):  # those that it was added to before
            self._added(group, channel)
        return feed

    def detach(self, channel: str) -> None:
        """Leave all groups and forget ``channel``."""
        self._follower.forget(channel)
        with self._lock_of_follower():
            self.presence.ended(channel)
        super().detach(channel)

    def _make_feed(self, inbox: Any, **options: Any) -> Feed:
        return FeedInTurn(inbox, self._turns, **options)

    # Groups.

    async def group_add(self, group: str, channel: str) -> Joined | None:
        """Make a channel a member of a group, from the moment this returns.

        Returns:
            How a channel of this process goes on in a group with history; else None.
        """
        policy = self._config.history_policy(group)
        if policy is None or self._owner_of(channel) != self.prefix:
            await super().group_add(group, channel)
            return None
        return await self._follower.join(group, channel, policy.bounds)

    async def group_send(self, group: str, payload: bytes) -> None:
        """Give a message to all members; of a group with history once it has its number."""
        policy = self._config.history_policy(group)
        if policy is None:
            await super().group_send(group, payload)
            return
        # What threads have handed over before is sent before.
        self._handover.take()
        self.group_sends += 1
        transport = self._transport
        send = transport.append_confirmed if self._confirm else transport.append
        await send(f"g:{group}", payload, policy.bounds, kept=policy.keeps(payload))

    async def group_send_many(self, groups: list[str], payload: bytes) -> None:
        """Give a message to all members of several groups."""
        if not any(map(self._config.history_policy, groups)):
            await super().group_send_many(groups, payload)
        elif self._confirm:
            await self._together(self.group_send(group, payload) for group in groups)
        else:
            for group in groups:
                await self.group_send(group, payload)

    def _group_send_now(self, groups: list[str], payload: bytes) -> None:
        for group in groups:
            policy = self._config.history_policy(group)
            if policy is None:
                super()._group_send_now([group], payload)
                continue
            self.group_sends += 1
            kept = policy.keeps(payload)
            self._history_transport.append_nowait(f"g:{group}", payload, policy.bounds, kept=kept)

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._turns.close()
        self._follower.close()
        await super().aclose()

    # What is kept.

    async def history(
        self, group: str, after: Position | None, limit: int | None
    ) -> HistoryMessages:
        """Return what is kept of a group's messages, wherever it has members; see ``select``."""
        log = await self._read(group)
        return select(log, after, limit, self._membership.decode, time.monotonic())

    async def position(self, group: str) -> Position:
        """Return where a group is, or was a moment ago: what follows has been sent after that."""
        log = self._follower.log(group) or await self._read(group, is_brief=True)
        return log.position

    def history_statistics(self) -> HistoryStatistics:
        """Say how much is kept in this process."""
        return self._follower.statistics()

    async def _read(self, group: str, *, is_brief: bool = False) -> Log:
        excerpt = await self._history_transport.read(f"g:{group}", is_brief=is_brief)
        return Log.from_excerpt(excerpt, ALL)

    # Members come and go.

    def _added(self, group: str, channel: str) -> bool:
        policy = self._config.history_policy(group)
        if policy is None:
            super()._added(group, channel)
            self._arrived(group, channel)
        else:
            self._follower.join_soon(group, channel, policy.bounds)
        return True

    def _discarded(self, group: str, channel: str) -> bool:
        self._follower.leave(group, channel)
        with self._lock_of_follower():
            self.presence.departed(group, channel)
        return super()._discarded(group, channel)

    def _flushed(self, *_: Any) -> bool:
        with self._lock_of_follower():
            self.presence.cleared()
        return super()._flushed()

    def _arrived(self, group: str, channel: str) -> None:
        """A channel of this process is a member now; it may have been one before."""
        with self._lock_of_follower():
            self.presence.arrived(group, channel)

    def _dropped(self, group: str, full: list[str]) -> None:
        self._overload.note(group, full, self._membership.count(group))

    # Helpers.

    def _lock_of_follower(self) -> AbstractContextManager[Any]:
        return self._no_lock  # all of it runs on one loop

    def _look(self) -> None:
        self._follower.sweep()
        self._look_later()

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(SWEEP_INTERVAL, self._look)
