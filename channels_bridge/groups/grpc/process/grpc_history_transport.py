"""The transport over gRPC for layers that keep history: appends to logs, and follows them."""

from __future__ import annotations

from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.grpc.process.history_client import HistoryClient, Reading
from channels_bridge.groups.history.position import Bounds, Excerpt
from channels_bridge.groups.history_transport import Follower, HistoryTransport
from channels_bridge.groups.transport_interface import Deliver
from channels_bridge.groups.wire.v1 import groups_pb2 as wire


class GrpcHistoryTransport(GrpcTransport, HistoryTransport):
    """Joins processes over a hub that keeps history.

    Where this process is alone, nothing is kept: who follows gets an empty log, and what is
    appended at once.
    """

    _client: HistoryClient

    def start_following(self, follower: Follower) -> None:
        self._client.follower = follower

    def _make_client(self, deliver: Deliver) -> HistoryClient:
        return HistoryClient(deliver, self._prefix)

    @property
    def keeps_history(self) -> bool:
        return self._client.keeps_history

    async def follow(self, topic: str) -> None:
        self._require_reach()
        if self.is_alone:
            self._client.follow_alone(topic)
        else:
            await self._answer(self._client.follow(topic))

    def follow_nowait(self, topic: str) -> None:
        if self.is_alone:
            self._client.follow_alone(topic)
        else:
            self._client.follow(topic)

    def unfollow(self, topic: str) -> None:
        self._client.unfollow(topic)

    async def read(self, topic: str, *, is_brief: bool = False) -> Excerpt:
        self._require_reach()
        if self.is_alone or not self._client.keeps_history:
            return self._client.nothing()
        reading = Reading()
        await self._done(self._client.read(topic, reading, is_brief=is_brief))
        return reading.excerpt or self._client.nothing()

    async def append(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        if not self.is_alone:
            await self._room()
        self.append_nowait(topic, payload, bounds, kept=kept)

    def append_nowait(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        if self.is_alone:
            self._append_alone(topic, payload)
        else:
            self._client.append(topic, payload, bounds, kept=kept)

    async def append_confirmed(
        self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool
    ) -> None:
        if not self.is_alone:
            await self._room()
        if self.is_alone:
            self._append_alone(topic, payload)
        else:
            request = self._client.append(topic, payload, bounds, kept=kept, confirm=True)
            await self._done(request)

    async def clear_history(self) -> None:
        if not self.is_alone:
            await self._done(self._client.request(wire.Clear()))

    def _append_alone(self, topic: str, payload: bytes) -> None:
        self._sent_alone += 1
        self._client.append_alone(topic, payload)
