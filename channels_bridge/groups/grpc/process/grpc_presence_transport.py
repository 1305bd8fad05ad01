"""The transport over gRPC for layers that know who is present."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.grpc.process.grpc_history_transport import GrpcHistoryTransport
from channels_bridge.groups.grpc.process.presence_client import PresenceClient
from channels_bridge.groups.presence.presence_transport import PresenceTransport, RollWatcher
from channels_bridge.groups.presence.roll import Here, RollChange, Terms
from channels_bridge.groups.transport_interface import Deliver


class GrpcPresenceTransport(GrpcHistoryTransport, PresenceTransport):
    """Joins processes over a hub that keeps history and knows who is present.

    Where this process is alone, nobody is: connections are those of a server's workers, which never
    are.
    """

    _client: PresenceClient

    def start_watching(self, watcher: RollWatcher) -> None:
        self._client.watcher = watcher

    def _make_client(self, deliver: Deliver) -> PresenceClient:
        return PresenceClient(deliver, self._prefix)

    def present(self, topic: str, key: str, info: bytes, terms: Terms) -> None:
        self._client.present(topic, key, info, terms)

    def absent(self, topic: str, key: str) -> None:
        self._client.absent(topic, key)

    def watch_roll(self, topic: str, terms: Terms) -> None:
        self._client.watch(topic, terms)

    def unwatch_roll(self, topic: str) -> None:
        self._client.unwatch(topic)

    async def roll(self, topic: str) -> Mapping[str, Here]:
        roll = await self._ask_roll(topic, is_count=False)
        return {} if roll is None else roll.came

    async def roll_count(self, topic: str) -> int:
        roll = await self._ask_roll(topic, is_count=True)
        return 0 if roll is None else roll.count

    async def _ask_roll(self, topic: str, *, is_count: bool) -> RollChange | None:
        self._require_reach()
        asking = self._client.ask_roll(topic, is_count=is_count)
        try:
            await self._until_answered(asking.answer)
        finally:
            self._client.end_asking(asking)
        if asking.answer.done():
            return asking.answer.result()
        if self.is_alone:
            return None
        if not self._client.knows_presence:
            raise TransportUnavailable(
                str(self._address),
                "it is of an earlier release, which does not know who is present",
                "restart it with the release of its processes",
            )
        raise self._unavailable()

    async def _until_answered(self, answer: asyncio.Future[RollChange]) -> None:
        """Wait for an answer for as long as there may be one."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        while not (self.is_alone or answer.done() or not self._client.knows_presence):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return
            # A process finds out only while it waits that there is no hub.
            await asyncio.wait([answer], timeout=min(left, CHECK_INTERVAL))


#: How often it is looked whether there is somebody who may answer, in seconds.
CHECK_INTERVAL = 0.1
