"""A thread-safe transport that knows who is present: calls another one, on the home loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from channels_bridge.groups.following.threadsafe_history_transport import CrossingHistoryTransport
from channels_bridge.groups.presence.presence_transport import PresenceTransport, RollWatcher
from channels_bridge.groups.presence.roll import Here, Terms
from channels_bridge.groups.transport_interface import GroupTransport


class CrossingPresenceTransport(CrossingHistoryTransport, PresenceTransport):
    """Calls another transport that knows who is present on the home loop; the watcher, too."""

    _watcher: RollWatcher

    def start_watching(self, watcher: RollWatcher) -> None:
        self._watcher = watcher

    def present(self, topic: str, key: str, info: bytes, terms: Terms) -> None:
        self._have(lambda transport: transport.present(topic, key, info, terms))

    def absent(self, topic: str, key: str) -> None:
        self._have(lambda transport: transport.absent(topic, key))

    def watch_roll(self, topic: str, terms: Terms) -> None:
        self._have(lambda transport: transport.watch_roll(topic, terms))

    def unwatch_roll(self, topic: str) -> None:
        self._have(lambda transport: transport.unwatch_roll(topic))

    async def roll(self, topic: str) -> Mapping[str, Here]:
        return await self._there(lambda transport: _with_presence(transport).roll(topic))

    async def roll_count(self, topic: str) -> int:
        return await self._there(lambda transport: _with_presence(transport).roll_count(topic))

    def _have(self, act: Callable[[PresenceTransport], object]) -> None:
        self._soon(lambda transport: act(_with_presence(transport)))

    def _started(self) -> GroupTransport:
        is_first = not self._is_started
        transport = super()._started()
        if is_first:
            _with_presence(transport).start_watching(self._watcher)
        return transport


def _with_presence(transport: GroupTransport) -> PresenceTransport:
    return cast(PresenceTransport, transport)
