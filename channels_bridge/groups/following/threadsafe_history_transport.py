"""A thread-safe transport with history: calls another one, on the home loop, from any thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast

from channels_bridge.groups.history.position import Bounds, Entry, Excerpt
from channels_bridge.groups.history_transport import Follower, HistoryTransport
from channels_bridge.groups.threadsafe_transport import CrossingTransport, Shortcut
from channels_bridge.groups.transport_interface import GroupTransport

T = TypeVar("T")


class HistoryShortcut(Shortcut, Protocol):
    """A way to the others, and to the logs of topics, that needs no event loop."""

    def append(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> bool:
        """Append to a log, as ``append_confirmed()``. False where it has to go another way."""


class CrossingHistoryTransport(CrossingTransport, HistoryTransport):
    """Calls another transport with history on the home loop.

    The follower is called there, too, or by whoever appends while the other transport is alone.
    """

    _follower: Follower

    @property
    def keeps_history(self) -> bool:
        return not self._is_started or cast(HistoryTransport, self._transport).keeps_history

    def has_no_readers(self, *, kept: bool) -> bool:
        transport = cast(HistoryTransport, self._transport)
        return self._is_started and transport.has_no_readers(kept=kept)

    def start_following(self, follower: Follower) -> None:
        self._follower = follower

    async def follow(self, topic: str) -> None:
        await self._ask(lambda transport: transport.follow(topic))

    def follow_nowait(self, topic: str) -> None:
        self._tell(lambda transport: transport.follow_nowait(topic))

    def unfollow(self, topic: str) -> None:
        self._tell(lambda transport: transport.unfollow(topic))

    async def read(self, topic: str, *, is_brief: bool = False) -> Excerpt:
        return await self._ask(lambda transport: transport.read(topic, is_brief=is_brief))

    async def append(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        await self._ask(lambda transport: transport.append(topic, payload, bounds, kept=kept))

    def append_nowait(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        self._tell(lambda transport: transport.append_nowait(topic, payload, bounds, kept=kept))

    async def append_confirmed(
        self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool
    ) -> None:
        if self.has_no_readers(kept=kept):
            self._note_sent_alone()
            entry = Entry("", 0, 0, b"", 0, payload, time.monotonic())
            self._follower.on_entry(topic, entry)
        elif not self._append_directly(topic, payload, bounds, kept=kept):
            await self._ask(
                lambda transport: transport.append_confirmed(topic, payload, bounds, kept=kept)
            )

    def _append_directly(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> bool:
        """Append without an event loop: not where members here have to have it in the end."""
        shortcut = cast("HistoryShortcut | None", self._free_shortcut())
        if shortcut is None or self._follower.position(topic) is not None:
            return False
        return shortcut.append(topic, payload, bounds, kept=kept) or self._require_other_way(
            shortcut
        )

    def _ask(
        self, act: Callable[[HistoryTransport], Coroutine[Any, Any, T]]
    ) -> Coroutine[Any, Any, T]:
        return self._there(lambda transport: act(_with_history(transport)))

    def _tell(self, act: Callable[[HistoryTransport], object]) -> None:
        self._soon(lambda transport: act(_with_history(transport)))

    def _started(self) -> GroupTransport:
        is_first = not self._is_started
        transport = super()._started()
        if is_first:
            _with_history(transport).start_following(self._follower)
        return transport


def _with_history(transport: GroupTransport) -> HistoryTransport:
    return cast(HistoryTransport, transport)
