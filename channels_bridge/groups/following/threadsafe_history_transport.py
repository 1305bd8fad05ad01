"""A thread-safe transport that keeps history: calls another one, which lives on the home loop."""

from __future__ import annotations

from channels_bridge.groups.history.position import Bounds, Excerpt
from channels_bridge.groups.history_transport import Follower, HistoryTransport
from channels_bridge.groups.threadsafe_transport import CrossingTransport
from channels_bridge.groups.transport_interface import GroupTransport


class CrossingHistoryTransport(CrossingTransport, HistoryTransport):
    """Calls another transport that keeps history on the home loop, where followers are called, too.

    Args:
        transport: started on the home loop when it is first needed.
        expiry: seconds that an item waits again which its puller didn't get any more.
    """

    _transport: HistoryTransport
    _follower: Follower | None = None

    @property
    def keeps_history(self) -> bool:
        return not self._is_started or self._transport.keeps_history

    def start_following(self, follower: Follower) -> None:
        self._follower = follower

    async def follow(self, topic: str) -> None:
        await self._there(lambda _: self._transport.follow(topic))

    def follow_nowait(self, topic: str) -> None:
        self._soon(lambda _: self._transport.follow_nowait(topic))

    def unfollow(self, topic: str) -> None:
        self._soon(lambda _: self._transport.unfollow(topic))

    async def read(self, topic: str) -> Excerpt:
        return await self._there(lambda _: self._transport.read(topic))

    async def append(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        await self._there(lambda _: self._transport.append(topic, payload, bounds, kept=kept))

    def append_nowait(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        self._soon(lambda _: self._transport.append_nowait(topic, payload, bounds, kept=kept))

    async def append_confirmed(
        self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool
    ) -> None:
        await self._there(
            lambda _: self._transport.append_confirmed(topic, payload, bounds, kept=kept)
        )

    async def clear_history(self) -> None:
        await self._there(lambda _: self._transport.clear_history())

    def _started(self) -> GroupTransport:
        if not self._is_started:
            super()._started()
            if self._follower is not None:
                self._transport.start_following(self._follower)
        return super()._started()
