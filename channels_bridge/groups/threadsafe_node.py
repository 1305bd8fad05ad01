"""A thread-safe node, for processes other than a server's workers.

What happens within the process happens in the caller's thread, at once, under a lock that is never
held while anything is waited for. Only what other processes have to do with it crosses to the home
loop, and only if there are others (``threadsafe_transport``).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.named_queues import Item, take
from channels_bridge.groups.node import Node
from channels_bridge.groups.overflow import Inbox
from channels_bridge.groups.transport_interface import GroupTransport

T = TypeVar("T")

#: How many turns receivers have on the sender's event loop before ``group_send()`` returns, where
#: it waits for nothing else: as many as with InMemoryChannelLayer.
TURNS = 3


class ThreadsafeNode(Node):
    """A process' part in a channel layer, whoever calls.

    Members have a message before ``group_send()`` returns, and receivers on the caller's loop have
    had turns to take it: so a sender in a loop doesn't fill the channels of those who keep up.

    Args:
        place: where other processes are found; None for a node that has no others. All channels
            are its own then, whatever their names say.
        options: those of a Node, but for its loop.
    """

    _transport: GroupTransport

    def __init__(self, *, place: str | None, **options: Any) -> None:
        super().__init__(loop=None, **options)
        self.place = place
        # Reentrant: a signal handler may send while its thread does.
        self._lock = threading.RLock()
        self._sweep_at = time.monotonic() + self._config.expiry
        self._transport = self._make_transport()
        self._transport.start(self._deliver)

    def attach(self, channel: str, inbox: Inbox, listener: Listener | None = None) -> Feed | None:
        with self._lock:
            return super().attach(channel, inbox, listener)

    def detach(self, channel: str) -> None:
        with self._lock:
            super().detach(channel)

    def give_back(self, channel: str, payload: bytes) -> None:
        with self._lock:
            super().give_back(channel, payload)

    async def group_send(self, group: str, payload: bytes) -> None:
        with self._lock:
            is_heard = self._send_here(group, payload)
        await self._transport.publish_confirmed(f"g:{group}", payload)
        if is_heard:
            await self._let_receivers_run()

    async def group_send_many(self, groups: list[str], payload: bytes) -> None:
        with self._lock:
            heard = [self._send_here(group, payload) for group in groups]
        await self._publish(groups, payload)
        if any(heard):
            await self._let_receivers_run()

    def group_sizes(self) -> dict[str, int]:
        with self._lock:
            return super().group_sizes()

    def groups_of(self, channel: str) -> set[str]:
        with self._lock:
            return super().groups_of(channel)

    def _send_here(self, group: str, payload: bytes) -> bool:
        """Give a message to the members of this process. Returns whether there are any."""
        self.group_sends += 1
        self._group_message(group, payload)
        return self._membership.has_members(group)

    def _group_message(self, group: str, payload: bytes) -> bool:
        with self._lock:
            self._sweep_if_due()
            return super()._group_message(group, payload)

    def _added(self, group: str, channel: str) -> bool:
        with self._lock:
            return super()._added(group, channel)

    def _discarded(self, group: str, channel: str) -> bool:
        with self._lock:
            return super()._discarded(group, channel)

    def _flushed(self, *_: Any) -> bool:
        with self._lock:
            return super()._flushed()

    def _owner_of(self, channel: str) -> str | None:
        return self.prefix if self.place is None else super()._owner_of(channel)

    async def _together(self, coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        if self.place is not None:
            await home_loop.go_home()
            return await super()._together(coroutines)
        return [await coroutine for coroutine in coroutines]  # each is done at once

    def _put_own(self, channel: str, payload: bytes) -> bool:
        with self._lock:
            self._sweep_if_due()
            return super()._put_own(channel, payload)

    async def _take(self, channel: str) -> Item:
        return await take(self._membership.waiting, channel, self._lock)

    async def _let_receivers_run(self) -> None:
        if self._waits_for_nobody:
            for _ in range(TURNS):
                await asyncio.sleep(0)

    @property
    def _waits_for_nobody(self) -> bool:
        return self.place is None or self._transport.is_alone

    def _next_question(self) -> int:
        with self._lock:
            return super()._next_question()

    def _sweep_if_due(self) -> None:
        """No loop would do it from time to time."""
        if time.monotonic() >= self._sweep_at:
            self._sweep()

    def _sweep_later(self) -> None:
        self._sweep_at = time.monotonic() + self._config.expiry
