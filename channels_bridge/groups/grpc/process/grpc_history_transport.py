"""The transport over gRPC for layers that keep history: appends to logs, and follows them."""

from __future__ import annotations

from typing import Any

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.discovery.hub_history import DEFAULT, HubHistory
from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.grpc.process.history_client import HistoryClient, Reading
from channels_bridge.groups.grpc.process.left_history import LeftHistory
from channels_bridge.groups.history.position import Bounds, Excerpt
from channels_bridge.groups.history_transport import Follower, HistoryTransport
from channels_bridge.groups.transport_interface import Deliver


class GrpcHistoryTransport(GrpcTransport, HistoryTransport):
    """Joins processes over a hub that keeps history.

    Where this process is alone, nothing is kept: who follows gets an empty log, and what is
    appended at once. But where a hub has left its history, what is to be kept waits for the next
    one: for up to the timeout, and not at all once there has been none for so long.

    Args:
        arguments: those of a GrpcTransport.
        history: what the hub is to keep; None for nothing.
    """

    _client: HistoryClient

    def __init__(
        self, *arguments: Any, history: HubHistory | None = DEFAULT, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._left = LeftHistory(self._address, history)

    def start_following(self, follower: Follower) -> None:
        self._client.follower = follower

    def _make_client(self, deliver: Deliver) -> HistoryClient:
        return HistoryClient(deliver, self._prefix)

    @property
    def keeps_history(self) -> bool:
        return self._client.keeps_history

    def has_no_readers(self, *, kept: bool) -> bool:
        return self.is_alone and not (kept and self._left.may_be_continued())

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
        if self.is_full and not self.has_no_readers(kept=kept):
            await self._room()
        self.append_nowait(topic, payload, bounds, kept=kept)

    def append_nowait(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        if self.has_no_readers(kept=kept):
            self._append_alone(topic, payload)
        else:
            self._client.append(topic, payload, bounds, kept=kept)

    async def append_confirmed(
        self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool
    ) -> None:
        try:
            if not self.has_no_readers(kept=kept):
                self._require_recent_hub()
                await self._room()
            if self.has_no_readers(kept=kept):
                self._append_alone(topic, payload)
            else:
                request = self._client.append(topic, payload, bounds, kept=kept, confirm=True)
                await self._done(request)
        except TransportUnavailable:
            if not (self.is_alone and self._left.may_be_continued()):
                raise
            raise self._would_be_missed() from None

    # Without a hub.

    def _note_absence(self) -> None:
        self._client.is_continued = self._left.may_be_continued()
        super()._note_absence()

    def _exception_alone(self) -> str:
        if not self._client.is_continued:
            return ""
        return f", but for messages that are kept: those are refused, as {self._left.path} exists"

    def _require_recent_hub(self) -> None:
        """Don't let everybody wait, again and again, for a hub that has been away for long."""
        if self.is_alone and self._link is not None and self._link.absent_for >= self._timeout:
            raise self._unavailable()

    def _would_be_missed(self) -> TransportUnavailable:
        trouble, advice = self._diagnose()
        return TransportUnavailable(
            str(self._address),
            f"{trouble}; the message counts as not sent, since clients that know their places in "
            f"{self._left.path} would miss it when they come back",
            f"{advice}; if none of them comes back, remove that file" if advice else "",
        )

    def _append_alone(self, topic: str, payload: bytes) -> None:
        self._sent_alone += 1
        self._client.append_alone(topic, payload)
