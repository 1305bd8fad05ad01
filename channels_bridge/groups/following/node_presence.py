"""Presence at a node: who its members are, and what they are told of all who are there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache
from typing import Any

from channels_bridge.groups.following.roll_members import RollMembers
from channels_bridge.groups.following.who_is_it import Describer
from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.overflow import Inbox
from channels_bridge.groups.policies.presence_policy import PresencePolicy
from channels_bridge.groups.presence.presence_table import PresenceTable
from channels_bridge.groups.presence.presence_transport import PresenceTransport, RollWatcher
from channels_bridge.groups.presence.roll import Here, Present, RollChange, Terms
from channels_bridge.groups.presence.roll_replica import RollReplica

#: How many policies there may be whose terms are remembered: one per pattern in CONFIG.
_POLICIES = 256


class NodePresence(RollWatcher):
    """A node's part in presence.

    A connection is present in a group from joining it until it leaves it or ends. Who is there is
    watched for as long as a member wants to be told.

    Args:
        get_policy: what CONFIG says of a group; None where nobody is shown.
        get_capacity: how many messages may wait in a channel.
        expiry: seconds until a message is dropped that nobody takes.
        get_transport: the node's.
        lock: that of the node, held by who calls but for ``on_roll()`` and ``last_roll()``.
    """

    def __init__(
        self,
        *,
        get_policy: Callable[[str], PresencePolicy | None],
        get_capacity: Callable[[str], int],
        expiry: float,
        get_transport: Callable[[], PresenceTransport],
        lock: AbstractContextManager[Any],
    ) -> None:
        self._get_policy = get_policy
        self._get_capacity = get_capacity
        self._expiry = expiry
        self._get_transport = get_transport
        self._lock = lock
        self._describer = Describer()
        self._connections: dict[str, tuple[Inbox, Listener]] = {}  # by channel
        self._table = PresenceTable()
        self._members: dict[str, RollMembers] = {}  # of groups that are watched
        self._replicas: dict[str, RollReplica] = {}
        self._watching: dict[str, set[str]] = {}  # channel -> groups that it is told of
        self._terms = lru_cache(_POLICIES)(self._terms_of)

    @property
    def keys(self) -> int:
        """How many keys are present here, those of each group counted."""
        return self._table.keys()

    # What the node calls.

    def attached(self, channel: str, inbox: Inbox, listener: Listener) -> None:
        """A channel has a connection from now on."""
        self._connections[channel] = (inbox, listener)

    def arrived(self, group: str, channel: str) -> None:
        """A channel has joined a group, or has joined it again: who it is may have changed."""
        policy = self._get_policy(group)
        if policy is None or channel not in self._connections:
            return
        inbox, listener = self._connections[channel]
        described = self._describer.describe(policy, group, channel, listener.scope)
        if described is None:
            self._leave(group, channel)
        else:
            self._enter(group, channel, *described, terms=self._terms(policy))
        if listener.speaks or listener.hears_presence:
            self._watch(group, channel, listener, inbox, self._terms(policy))

    def departed(self, group: str, channel: str) -> None:
        """A connection has left a group."""
        self._leave(group, channel)
        groups = self._watching.get(channel, set())
        groups.discard(group)
        if not groups:
            self._watching.pop(channel, None)
        members = self._members.get(group)
        if members is not None and members.discard(group, channel):
            self._end_watch(group)

    def ended(self, channel: str) -> None:
        """A connection has ended, and so left all groups."""
        self._connections.pop(channel, None)
        self._leave_all(channel)

    def cleared(self) -> None:
        """All have left all groups."""
        for channel in {*self._table.channels(), *self._watching}:
            self._leave_all(channel)

    # What the transport calls.

    def on_roll(self, topic: str, roll: RollChange) -> None:
        with self._lock:
            group = topic.partition(":")[2]
            replica = self._replicas.get(group)
            policy = self._get_policy(group)
            if replica is None or policy is None:
                return
            change = replica.apply(roll, time.monotonic())
            if replica.missed:
                self._get_transport().watch_roll(topic, self._terms(policy))
            elif change is not None:
                self._members[group].tell(group, change, lambda: _whole(replica))

    def last_roll(self, topic: str) -> Mapping[str, bytes]:
        with self._lock:
            replica = self._replicas.get(topic.partition(":")[2])
            return replica.infos() if replica is not None else {}

    # What the layer asks.

    async def presence(self, group: str) -> list[Present]:
        """Who is in a group, in all processes; those who have been there for longest first."""
        here = self._known(group)
        if here is None:
            raw = await self._get_transport().roll(_topic(group))
            here = RollReplica.of(raw).here(0)
        # In the order of who lists them: times differ by how long each telling has taken.
        return [_present(key, person) for key, person in here.items()]

    async def presence_count(self, group: str) -> int:
        """How many there are."""
        here = self._known(group)
        return await self._get_transport().roll_count(_topic(group)) if here is None else len(here)

    def _known(self, group: str) -> dict[str, Here] | None:
        """Who is there, where that is watched, and so known here. What is new here isn't told yet.

        None where it has to be asked for.
        """
        with self._lock:
            replica = self._replicas.get(group)
            if replica is None or not replica.is_known or replica.is_counted:
                return None
            here = replica.here(time.monotonic())
            for key, info in self._table.infos(group).items():
                if key not in here:
                    here[key] = Here(json.loads(info) if info else None, 0, 1)
            return here

    # Helpers.

    def _enter(self, group: str, channel: str, key: str, info: bytes, *, terms: Terms) -> None:
        came, gone = self._table.enter(group, channel, key, info)
        if came is not None:
            self._get_transport().present(_topic(group), came, info, terms)
        if gone is not None:
            self._get_transport().absent(_topic(group), gone)

    def _leave(self, group: str, channel: str) -> None:
        gone = self._table.leave(group, channel)
        if gone is not None:
            self._get_transport().absent(_topic(group), gone)

    def _watch(
        self, group: str, channel: str, listener: Listener, inbox: Inbox, terms: Terms
    ) -> None:
        if group not in self._members:
            self._members[group] = RollMembers()
            self._replicas[group] = RollReplica()
            self._get_transport().watch_roll(_topic(group), terms)
        self._watching.setdefault(channel, set()).add(group)
        replica = self._replicas[group]
        member = self._members[group].add(channel, listener, inbox)
        if replica.is_known:  # else it is told with the others, as soon as it is
            member.tell(group, _whole(replica))

    def _leave_all(self, channel: str) -> None:
        for group in {*self._table.groups_of(channel), *self._watching.get(channel, ())}:
            self.departed(group, channel)

    def _end_watch(self, group: str) -> None:
        del self._members[group], self._replicas[group]
        self._get_transport().unwatch_roll(_topic(group))

    def _terms_of(self, policy: PresencePolicy) -> Terms:
        terms = policy.terms
        if not terms.queue:
            return terms
        return replace(terms, capacity=self._get_capacity(terms.queue), expiry=self._expiry)


def _topic(group: str) -> str:
    return f"g:{group}"


def _whole(replica: RollReplica) -> RollChange:
    return replica.whole(time.monotonic())


def _present(key: str, here: Here) -> Present:
    return Present(key, here.info, here.since, here.connections)
