"""The transport of a single process: nothing leaves it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from channels_bridge.groups.named_queues import Item, MessageQueues, take
from channels_bridge.groups.transport_interface import Deliver, GroupTransport


class LocalExchange:
    """The topics and queues that several local transports of one process share."""

    def __init__(self) -> None:
        self.subscribers: dict[str, list[LocalTransport]] = {}
        self.queues = MessageQueues()
        self.lock = threading.RLock()  # for both; never held while somebody is delivered to


class LocalTransport(GroupTransport):
    """Delivers at once: every method returns without waiting, but ``pull()``.

    Its methods may be called from any thread.

    Args:
        exchange: shared with other transports; by default this one is alone.
    """

    def __init__(self, exchange: LocalExchange | None = None) -> None:
        self._exchange = exchange or LocalExchange()
        self._lock = self._exchange.lock
        self._deliver: Deliver | None = None
        self._topics: set[str] = set()

    def start(self, deliver: Deliver) -> None:
        self._deliver = deliver

    def subscribe_nowait(self, topic: str) -> None:
        with self._lock:
            if topic not in self._topics:
                self._topics.add(topic)
                self._exchange.subscribers.setdefault(topic, []).append(self)

    async def subscribe(self, topic: str) -> None:
        self.subscribe_nowait(topic)

    def unsubscribe(self, topic: str) -> None:
        with self._lock:
            if topic not in self._topics:
                return
            self._topics.discard(topic)
            subscribers = self._exchange.subscribers[topic]
            subscribers.remove(self)
            if not subscribers:
                del self._exchange.subscribers[topic]

    async def publish(self, topic: str, payload: bytes) -> None:
        self._publish(topic, payload)

    def publish_nowait(self, topic: str, payload: bytes) -> None:
        self._publish(topic, payload)

    async def publish_confirmed(self, topic: str, payload: bytes) -> None:
        self._publish(topic, payload)

    async def publish_all_confirmed(self, topics: Sequence[str], payload: bytes) -> None:
        for topic in topics:
            self._publish(topic, payload)

    async def tell(self, topic: str, payload: bytes) -> bool:
        return self._publish(topic, payload)

    async def ask(self, topic: str, payload: bytes, *, required: bool = True) -> None:
        self._publish(topic, payload)

    async def push(self, queue: str, payload: bytes, *, capacity: int, expiry: float) -> bool:
        with self._lock:
            return self._exchange.queues.push(queue, payload, capacity=capacity, expiry=expiry)

    async def pull(self, queue: str) -> bytes:
        return (await take(self._exchange.queues, queue, self._lock)).payload

    def give_back(self, queue: str, payload: bytes, *, expiry: float) -> None:
        item = Item(time.monotonic() + expiry, payload)
        with self._lock:
            self._exchange.queues.push_front(queue, item)

    async def bind(
        self, topic: str, queue: str, *, capacity: int, expiry: float, lifetime: float
    ) -> None:
        with self._lock:
            self._exchange.queues.bind(
                topic, queue, capacity=capacity, expiry=expiry, lifetime=lifetime
            )

    async def unbind(self, topic: str, queue: str) -> None:
        with self._lock:
            self._exchange.queues.unbind(topic, queue)

    async def clear_queues(self) -> None:
        with self._lock:
            self._exchange.queues.clear()

    async def aclose(self) -> None:
        for topic in list(self._topics):
            self.unsubscribe(topic)

    def _publish(self, topic: str, payload: bytes) -> bool:
        with self._lock:
            self._exchange.queues.route(topic, payload)
            subscribers = list(self._exchange.subscribers.get(topic, ()))
        room = True
        for other in subscribers:
            if other is not self and other._deliver is not None:
                room &= other._deliver(topic, payload)
        return room
