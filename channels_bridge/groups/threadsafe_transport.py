"""A thread-safe transport: calls another one, which lives on the home loop, from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Protocol, TypeVar

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.home.green_threads import are_greenlets
from channels_bridge.groups.layer_statistics import LinkStatistics
from channels_bridge.groups.transport_interface import Deliver, GroupTransport

T = TypeVar("T")


class Shortcut(Protocol):
    """A way to the others that needs no event loop: the calling thread waits itself."""

    def publish(self, topics: Sequence[str], payload: bytes) -> bool:
        """Publish to topics, as ``publish_confirmed()``. False where it has to go another way."""

    def unavailable(self) -> TransportUnavailable:
        """Say why nothing can be published so."""

    async def close(self) -> None:
        """Disconnect."""


class CrossingTransport(GroupTransport):
    """Calls another transport on the home loop.

    Nobody crosses to find that there is nobody else: while the other transport is alone, methods
    that fan out return without waiting.

    Order: what is asked for happens in that order, whichever threads do so.

    Args:
        make_transport: called on the home loop when the other transport is first needed. Until then
            nothing is imported for it: for those who only publish, nothing may ever be.
        expiry: seconds that an item waits again which its puller didn't get any more.
        shortcut: taken where a thread without an event loop publishes; None where there is none.
    """

    def __init__(
        self,
        make_transport: Callable[[], GroupTransport],
        *,
        expiry: float,
        shortcut: Shortcut | None = None,
    ) -> None:
        self._make_transport = make_transport
        self._expiry = expiry
        self._shortcut = shortcut
        self._is_started = False
        self._topics: set[str] = set()  # that this process has asked for
        self._sent_alone = 0  # what didn't cross
        # For that number. Reentrant: a signal handler may send while its thread does.
        self._lock = threading.RLock()
        self._acts: deque[Callable[[GroupTransport], object]] = deque()  # that nobody waits for

    @property
    def is_alone(self) -> bool:
        return self._is_started and self._transport.is_alone

    def start(self, deliver: Deliver) -> None:
        self._deliver = deliver

    def subscribe_nowait(self, topic: str) -> None:
        self._topics.add(topic)
        self._soon(lambda transport: transport.subscribe_nowait(topic))

    async def subscribe(self, topic: str) -> None:
        if self.is_alone:
            self.subscribe_nowait(topic)
        else:
            self._topics.add(topic)
            await self._there(lambda transport: transport.subscribe(topic))

    def unsubscribe(self, topic: str) -> None:
        self._topics.discard(topic)
        self._soon(lambda transport: transport.unsubscribe(topic))

    async def publish(self, topic: str, payload: bytes) -> None:
        await self._there(lambda transport: transport.publish(topic, payload))

    def publish_nowait(self, topic: str, payload: bytes) -> None:
        self._soon(lambda transport: transport.publish_nowait(topic, payload))

    async def publish_confirmed(self, topic: str, payload: bytes) -> None:
        if self.is_alone:
            self._note_sent_alone()
        elif not self._publish_directly([topic], payload):
            await self._there(lambda transport: transport.publish_confirmed(topic, payload))

    async def publish_all_confirmed(self, topics: Sequence[str], payload: bytes) -> None:
        if self.is_alone:
            self._note_sent_alone(len(topics))
        elif not self._publish_directly(topics, payload):
            await self._there(lambda transport: transport.publish_all_confirmed(topics, payload))

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
        if self._shortcut is not None:
            await self._shortcut.close()
        if self._is_started and not self._home.is_closed():
            await self._there(lambda transport: transport.aclose())

    def _publish_directly(self, topics: Sequence[str], payload: bytes) -> bool:
        """Publish without an event loop, where there is none here, and a way to do so.

        Not to what this process has asked for: by that way it would come back.
        """
        shortcut = self._free_shortcut()
        if shortcut is None or not self._topics.isdisjoint(topics):
            return False
        return shortcut.publish(topics, payload) or self._require_other_way(shortcut)

    def _free_shortcut(self) -> Shortcut | None:
        """What may be used now, by a thread that has no event loop; None where there is nothing."""
        return self._shortcut if asyncio._get_running_loop() is None else None

    @staticmethod
    def _require_other_way(shortcut: Shortcut) -> bool:
        """Return False where messages can go another way than by a shortcut.

        Raises:
            TransportUnavailable: this is the only one, on greenlets.
        """
        if are_greenlets():
            raise shortcut.unavailable()
        return False

    def _note_sent_alone(self, count: int = 1) -> None:
        with self._lock:
            self._sent_alone += count

    # The way there.

    @cached_property
    def _transport(self) -> GroupTransport:
        return self._make_transport()

    @cached_property
    def _home(self) -> asyncio.AbstractEventLoop:
        return home_loop.loop()  # not started where nobody needs it

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
