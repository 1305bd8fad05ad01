"""The follower: keeps the replicas of this process, and makes channels members in them.

Used on the home loop, or by any thread with the lock of ``threadsafe_following_node``: which is
never held while the transport is called, as that calls this follower.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.following.followed_groups import FollowedGroups
from channels_bridge.groups.following.following_membership import FollowingMembership
from channels_bridge.groups.history.cursor import Cursor
from channels_bridge.groups.history.feed import FeedFigures
from channels_bridge.groups.history.log import Log
from channels_bridge.groups.history.position import Bounds, Claim, Entry, Excerpt, Joined, Position
from channels_bridge.groups.history.replica import Replica
from channels_bridge.groups.history_transport import Follower, HistoryTransport
from channels_bridge.groups.layer_statistics import HistoryStatistics

logger = logging.getLogger("channels_bridge.groups")

#: How often a log is asked for that doesn't come, or that another thread has given up meanwhile.
ATTEMPTS = 4


class LogFollower(Follower):
    """What a node knows of the logs of its groups.

    Args:
        membership: of the node.
        get_transport: returns the node's transport.
        max_bytes: how much all replicas may take together.
        on_full: is told the channels that a message was dropped for, as it isn't kept.
        on_joined: is told each group and channel once it is a member.
        lock: held for whatever is changed here.
        asks_together: whether all run on one loop, so that those who wait for the same answer can
            wait for it together.
    """

    def __init__(
        self,
        *,
        membership: FollowingMembership,
        get_transport: Callable[[], HistoryTransport],
        max_bytes: float,
        on_full: Callable[[str, list[str]], None],
        on_joined: Callable[[str, str], None],
        lock: AbstractContextManager[Any],
        asks_together: bool,
    ) -> None:
        self._membership = membership
        self._get_transport = get_transport
        self._followed = FollowedGroups(max_bytes, self._give)
        self._on_full = on_full
        self._on_joined = on_joined
        self._lock = lock
        self._asks_together = asks_together
        self._notices = Notices(logger)
        self._gaps_told = 0
        self._joining: Counter[str] = Counter()  # how many channels are about to, by group
        self._asking: dict[str, asyncio.Task[None]] = {}  # by group
        self._added_elsewhere: dict[str, set[str]] = {}  # group -> channels that wait for its log

    @property
    def figures(self) -> FeedFigures:
        """What happens to the members."""
        return self._followed.figures

    def statistics(self) -> HistoryStatistics:
        """Say how much there is. May be called from any thread."""
        return self._followed.statistics()

    def log(self, group: str) -> Log | None:
        """The replica's log of a group, if it has one."""
        replica = self._followed.find(group)
        return replica.log if replica is not None and replica.is_filled else None

    # Members.

    async def join(self, group: str, channel: str, bounds: Bounds) -> Joined:
        """Make a channel of this process a member of a group, where its client was or from now on.

        The log is asked for where it isn't known here, and once more where a client claims to have
        been further than this process: another one was faster then.

        Raises:
            TransportUnavailable: it can't be asked for.
        """
        with self._lock:
            self._joining[group] += 1
        try:
            return await self._join_when_answered(group, channel, bounds)
        finally:
            with self._lock:
                self._joining[group] -= 1
                if not self._joining[group]:
                    del self._joining[group]

    async def _join_when_answered(self, group: str, channel: str, bounds: Bounds) -> Joined:
        member = self._membership.members.get(channel)
        for _ in range(ATTEMPTS):
            with self._lock:
                replica = self._followed.begin(group, bounds)
            if not replica.is_filled:
                await self._ask(group)
                continue
            claim = member.claim(group) if member is not None else None
            if isinstance(claim, Claim) and not replica.can_answer(claim):
                await self._ask_anew(group)
            with self._lock:
                if self._membership.members.get(channel) is not member:
                    return Joined(None)  # its connection has gone meanwhile
                if self._followed.find(group) is replica:
                    return self._join(replica, channel, claim)
        raise RuntimeError(f"the history of group {group!r} was given up each time it was to come")

    def join_soon(self, group: str, channel: str, bounds: Bounds) -> None:
        """Do the same for a channel that another process adds, without waiting for it."""
        with self._lock:
            replica = self._followed.begin(group, bounds)
            member = self._membership.members.get(channel)
            claim = member.claim(group) if member is not None else None
            if replica.is_filled and not (
                isinstance(claim, Claim) and not replica.can_answer(claim)
            ):
                self._join(replica, channel, claim)
                return
            self._added_elsewhere.setdefault(group, set()).add(channel)
        self._get_transport().follow_nowait(f"g:{group}")

    def leave(self, group: str, channel: str) -> None:
        """Don't make a channel a member that waits for it."""
        with self._lock:
            self._added_elsewhere.get(group, set()).discard(channel)

    def forget(self, channel: str) -> None:
        """Its connection has gone."""
        with self._lock:
            for channels in self._added_elsewhere.values():
                channels.discard(channel)

    def _join(self, replica: Replica[Cursor], channel: str, claim: Any) -> Joined:
        member = self._membership.members.get(channel)
        joined = member.join(replica, claim) if member is not None else Joined(None)
        self._membership.add(replica.group, channel)
        self._on_joined(replica.group, channel)
        return joined

    async def _ask(self, group: str) -> None:
        """Return once the log has said what there is."""
        topic = f"g:{group}"
        if not self._asks_together:
            await self._get_transport().follow(topic)
            return
        task = self._asking.get(group)
        if task is None:
            follow = self._get_transport().follow(topic)
            task = self._asking[group] = asyncio.ensure_future(follow)
            task.add_done_callback(functools.partial(self._answered, group))
        # Others wait for it, too.
        await asyncio.shield(task)

    async def _ask_anew(self, group: str) -> None:
        """Do the same, not before now.

        A question that is under way may have been answered before that was said which is asked for.
        """
        task = self._asking.get(group)
        if task is not None:
            await asyncio.wait([task])
        # All who have waited for it share the next one.
        await self._ask(group)

    def _answered(self, group: str, task: asyncio.Task[None]) -> None:
        del self._asking[group]
        if not task.cancelled():
            task.exception()  # told to those who wait, if anybody still does

    # What the transport calls.

    def position(self, topic: str) -> Position | None:
        replica = self._followed.find(topic[2:])
        return replica.position if replica is not None else None

    def on_entry(self, topic: str, entry: Entry) -> None:
        self.on_entries(topic, (entry,))

    def on_entries(self, topic: str, entries: Sequence[Entry]) -> None:
        with self._lock:
            replica = self._followed.find(topic[2:])
            is_next = replica is None or replica.take_entries(entries, time.monotonic())
        if not is_next:
            self._mend(topic)

    def on_excerpt(self, topic: str, excerpt: Excerpt) -> None:
        with self._lock:
            replica = self._followed.find(topic[2:])
            is_sound = replica is None or self._take_excerpt(replica, excerpt)
            if replica is not None and replica.is_filled:
                self._join_those_added(replica)
        if not is_sound:
            self._mend(topic)

    def _take_excerpt(self, replica: Replica[Cursor], excerpt: Excerpt) -> bool:
        before = replica.position
        try:
            replica.take_excerpt(excerpt, time.monotonic())
        except Exception:
            # The edge: what can't be read must not end the connection to all others.
            logger.exception("the history of group %r can't be read", replica.group)
            return True
        if before is not None and replica.log.holds(before):
            for entry in replica.log.entries_after(before.offset):
                self._tell_full(replica, self._membership.deliver_late(replica.group, entry))
        return not replica.is_broken

    def _join_those_added(self, replica: Replica[Cursor]) -> None:
        for channel in self._added_elsewhere.pop(replica.group, ()):
            member = self._membership.members.get(channel)
            self._join(replica, channel, member.claim(replica.group) if member else None)

    def _mend(self, topic: str) -> None:
        """What came is not what comes next, which can't be: say so, and ask for all there is."""
        logger.error("the history of group %r has a hole here: it is asked for anew", topic[2:])
        self._get_transport().follow_nowait(topic)

    def _give(self, replica: Replica[Cursor], entry: Entry) -> None:
        """The way of each message: few calls, as each of them costs as much as what it does."""
        try:
            full = self._membership.deliver_entry(replica, entry)
            if full:
                self._on_full(replica.group, full)
        except Exception:
            # The edge: what one process can't read must not cut it off from all others.
            logger.exception("a message to group %r can't be delivered", replica.group)

    def _tell_full(self, replica: Replica[Cursor], full: list[str]) -> None:
        if full:
            self._on_full(replica.group, full)

    # Now and then.

    def sweep(self) -> None:
        """Drop what is too old, and follow no longer what nobody has needed for a while."""
        now = time.monotonic()
        self._tell_gaps()
        with self._lock:
            self._followed.expire(now)
            idle = list(self._followed.idle_for_long(now, self._is_used))
            for group in idle:
                self._followed.end(group)
        for group in idle:
            self._get_transport().unfollow(f"g:{group}")
            if self._followed.find(group) is not None:  # another thread has begun again meanwhile
                self._get_transport().follow_nowait(f"g:{group}")

    def _tell_gaps(self) -> None:
        gaps, self._gaps_told = self.figures.gaps - self._gaps_told, self.figures.gaps
        suppressed = self._notices.due("gaps", gaps) if gaps else None
        if suppressed is not None:
            logger.info(
                "%d times a member of a group missed messages since the last such line: it was "
                "away or slow for longer than `history` in CONFIG says, or history was lost",
                gaps + suppressed,
            )

    def close(self) -> None:
        """Wait for nothing any more."""
        for task in self._asking.values():
            task.cancel()

    def _is_used(self, group: str) -> bool:
        waits = group in self._joining or group in self._added_elsewhere
        return waits or self._membership.has_members(group)
