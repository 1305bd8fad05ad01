"""A thread-safe transport: calls another one, which lives on the home loop, from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from channels_bridge.groups.home import home_loop
from channels_bridge.groups.layer_statistics import LinkStatistics
from channels_bridge.groups.transport_interface import Deliver, GroupTransport

T = TypeVar("T")


class CrossingTransport(GroupTransport):
    """Calls another transport on the home loop.

    Nobody crosses to find that there is nobody else: while the other transport is alone, methods
    that fan out return without waiting.

    Order: what is asked for happens in that order, whichever threads do so.

    Args:
        transport: started on the home loop when it is first needed.
        expiry: seconds that an item waits again which its puller didn't get any more.
    """

    def __init__(self, transport: GroupTransport, *, expiry: float) -> None:
        self._transport = transport
        self._expiry = expiry
        self._home = home_loop.loop()
        self._is_started = False
        self._sent_alone = 0  # what didn't cross
        self._lock = threading.Lock()  # for that number
        self._acts: deque[Callable[[GroupTransport], object]] = deque()  # that nobody waits for

    @property
    def is_alone(self) -> bool:
        return self._is_started and self._transport.is_alone

    def start(self, deliver: Deliver) -> None:
        self._deliver = deliver

    def subscribe_nowait(self, topic: str) -> None:
        self._soon(lambda transport: transport.subscribe_nowait(topic))

    async def subscribe(self, topic: str) -> None:
        if self.is_alone:
            self.subscribe_nowait(topic)
        else:
            await self._there(lambda transport: transport.subscribe(topic))

    def unsubscribe(self, topic: str) -> None:
        self._soon(lambda transport: transport.unsubscribe(topic))

    async def publish(self, topic: str, payload: bytes) -> None:
        await self._there(lambda transport: transport.publish(topic, payload))

    def publish_nowait(self, topic: str, payload: bytes) -> None:
        self._soon(lambda transport: transport.publish_nowait(topic, payload))

    async def publish_confirmed(self, topic: str, payload: bytes) -> None:
        if self.is_alone:
            self._note_sent_alone()
        else:
            await self._there(lambda transport: transport.publish_confirmed(topic, payload))

    async def tell(self, topic: str, payload: bytes) -> bool:
        return await self._there(lambda transport: transport.tell(topic, payload))

    async def ask(self, topic: str, payload: bytes, *, required: bool = True) -> None:
        if self.is_alone and not required:
            self._note_sent_alone()
        else:
            await self._there(lambda transport: transport.ask(topic, payload, required=required))

    async def push(self, queue: str, payload: bytes, *, capacity: int, expiry: float) -> bool:
        return await self._there(
            lambda transport: transport.push(queue, payload, capacity=capacity, expiry=expiry)
        )

    async def pull(self, queue: str) -> bytes:
        give_back = partial(self.give_back, queue, expiry=self._expiry)
        return await home_loop.fetch(self._home, self._at_home(lambda t: t.pull(queue)), give_back)

    def give_back(self, queue: str, payload: bytes, *, expiry: float) -> None:
        self._soon(lambda transport: transport.give_back(queue, payload, expiry=expiry))

    async def bind(
        self, topic: str, queue: str, *, capacity: int, expiry: float, lifetime: float
    ) -> None:
        await self._there(
            lambda transport: transport.bind(
                topic, queue, capacity=capacity, expiry=expiry, lifetime=lifetime
            )
        )

    async def unbind(self, topic: str, queue: str) -> None:
        await self._there(lambda transport: transport.unbind(topic, queue))

    async def clear_queues(self) -> None:
        if self.is_alone:
            home_loop.spawn(self._at_home(lambda transport: transport.clear_queues()))
        else:
            await self._there(lambda transport: transport.clear_queues())

    def statistics(self) -> LinkStatistics | None:
        link = self._transport.statistics() if self._is_started else None
        return link and replace(link, sent_alone=link.sent_alone + self._sent_alone)

    async def aclose(self) -> None:
        if self._is_started and not self._home.is_closed():
            await self._there(lambda transport: transport.aclose())

    def _note_sent_alone(self) -> None:
        with self._lock:
            self._sent_alone += 1

    # The way there.

    def _soon(self, act: Callable[[GroupTransport], object]) -> None:
        """Do something on the home loop, after what others have asked for: now, if this is it."""
        self._acts.append(act)
        if asyncio._get_running_loop() is self._home:
            self._catch_up()
        else:
            self._home.call_soon_threadsafe(self._catch_up)

    def _catch_up(self) -> None:
        """Do all that is still to be done; on the home loop only."""
        while self._acts:
            self._acts.popleft()(self._started())

    async def _there(self, act: Callable[[GroupTransport], Coroutine[Any, Any, T]]) -> T:
        return await home_loop.run(self._home, self._at_home(act))

    async def _at_home(self, act: Callable[[GroupTransport], Coroutine[Any, Any, T]]) -> T:
        self._catch_up()
        return await act(self._started())

    def _started(self) -> GroupTransport:
        """The transport; on the home loop only."""
        if not self._is_started:
            self._transport.start(self._deliver)
            self._is_started = True
        return self._transport
