"""Named queues, bounded and first in, first out: messages wait in them until they are pulled.

Three places keep such queues: the hub for channels without an exclamation mark, the local transport
for the same, and each process for its own channels that nobody attached an inbox to.

Rules of this file:

- A queue is first in, first out, and bounded: when ``capacity`` messages wait, or MAX_BYTES, the
  newest is refused.
- A message that nobody pulled before it expires is dropped. Its queue stays bound, as members stay
  in channels_redis; InMemoryChannelLayer takes them out of their groups.
- A message is handed to one puller, the one that waits longest.
- A bound queue gets a copy of what is published to the topic, until the binding's own end.
- Times are of ``time.monotonic()``. No I/O, no tasks: call ``sweep()`` now and then.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

#: What may wait in one queue, in bytes. The last one may go beyond it, however large it is.
MAX_BYTES = 256 * 1024 * 1024


class Item(NamedTuple):
    """One message in a queue."""

    expires: float
    payload: bytes


class Binding(NamedTuple):
    """The terms on which a queue gets a topic's messages."""

    capacity: int
    expiry: float
    until: float


#: Where a queue belongs to one event loop, nobody has to be kept out.
_UNSHARED: AbstractContextManager[Any] = nullcontext()

#: Called with an item as soon as there is one; returns False when it isn't wanted any more.
Taker = Callable[[Item], bool]


class _Queue:
    """One name's queue: items wait for takers, or takers for items, never both."""

    __slots__ = ("items", "size", "takers")

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.size = 0  # of the items' payloads
        self.takers: deque[Taker] = deque()

    def append(self, item: Item) -> None:
        self.items.append(item)
        self.size += len(item.payload)

    def append_left(self, item: Item) -> None:
        self.items.appendleft(item)
        self.size += len(item.payload)

    def pop_left(self) -> None:
        self.size -= len(self.items.popleft().payload)

    def clear(self) -> None:
        self.items.clear()
        self.size = 0

    def offer(self, item: Item) -> bool:
        """Hand ``item`` to the first taker that wants it."""
        while self.takers:
            if self.takers.popleft()(item):
                return True
        return False


class MessageQueues:
    """Named queues, and the topics that feed them."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._bindings: dict[str, dict[str, Binding]] = {}  # topic -> queue -> binding
        self._topics: dict[str, set[str]] = {}  # queue -> topics

    def push(self, name: str, payload: bytes, *, capacity: int, expiry: float) -> bool:
        """Append to a queue. False when it is full: the message is dropped."""
        now = time.monotonic()
        self._expire(name, now)
        return self._put(name, Item(now + expiry, payload), capacity)

    def push_front(self, name: str, item: Item) -> None:
        """Give back what was pulled: it will be the next to go out, whatever the capacity."""
        queue = self._queues.setdefault(name, _Queue())
        if not queue.offer(item):
            queue.append_left(item)

    def pull(self, name: str, taker: Taker) -> None:
        """Call ``taker`` with the next item: at once, or when it comes."""
        self._expire(name, time.monotonic())
        queue = self._queues.setdefault(name, _Queue())
        if not queue.items:
            queue.takers.append(taker)
        elif taker(queue.items[0]):
            queue.pop_left()
        self._forget_if_idle(name)

    def withdraw(self, name: str, taker: Taker) -> None:
        """Forget a taker that waits."""
        queue = self._queues.get(name)
        if queue is not None and taker in queue.takers:
            queue.takers.remove(taker)
            self._forget_if_idle(name)

    def empty(self, name: str) -> list[Item]:
        """Remove a queue, and return what waited in it."""
        self._expire(name, time.monotonic())
        queue = self._queues.pop(name, None)
        return list(queue.items) if queue is not None else []

    def bind(self, topic: str, name: str, *, capacity: int, expiry: float, lifetime: float) -> None:
        """From now on the queue ``name`` gets what ``route()`` brings for ``topic``."""
        binding = Binding(capacity, expiry, time.monotonic() + lifetime)
        self._bindings.setdefault(topic, {})[name] = binding
        self._topics.setdefault(name, set()).add(topic)

    def unbind(self, topic: str, name: str) -> None:
        """Undo ``bind()``."""
        bound = self._bindings.get(topic, {})
        if bound.pop(name, None) is None:
            return
        if not bound:
            del self._bindings[topic]
        self._topics[name].discard(topic)
        if not self._topics[name]:
            del self._topics[name]

    def unbind_all(self, name: str) -> set[str]:
        """Undo all bindings of a queue, and return their topics."""
        topics = set(self._topics.get(name, ()))
        for topic in topics:
            self.unbind(topic, name)
        return topics

    def is_bound(self, topic: str, name: str) -> bool:
        """Whether ``bind()`` is in force."""
        return name in self._bindings.get(topic, {})

    def count_bound(self, topic: str) -> int:
        """How many queues are bound to ``topic``."""
        return len(self._bindings.get(topic, ()))

    def has_bound(self, topic: str) -> bool:
        """Whether any queue is bound to ``topic``."""
        return topic in self._bindings

    def route(self, topic: str, payload: bytes) -> list[str]:
        """Push a payload into every queue bound to ``topic``; return the names of the full ones."""
        if topic not in self._bindings:
            return []
        now = time.monotonic()
        full = []
        for name, binding in list(self._bindings[topic].items()):
            if binding.until <= now:
                self.unbind(topic, name)
                continue
            self._expire(name, now)
            if not self._put(name, Item(now + binding.expiry, payload), binding.capacity):
                full.append(name)
        return full

    def sweep(self) -> None:
        """Drop everything that has expired."""
        now = time.monotonic()
        for name in list(self._queues):
            self._expire(name, now)
        for topic, bound in list(self._bindings.items()):
            for name in [name for name, binding in bound.items() if binding.until <= now]:
                self.unbind(topic, name)

    def clear(self) -> None:
        """Drop all messages and bindings. Those who wait go on waiting."""
        self._bindings.clear()
        self._topics.clear()
        for name, queue in list(self._queues.items()):
            queue.clear()
            self._forget_if_idle(name)

    def clear_prefixed(self, prefix: str) -> None:
        """The same for the names that have this prefix, which ends with their last slash."""
        for topic, bound in list(self._bindings.items()):
            if prefix_of(topic) == prefix:
                for name in list(bound):
                    self.unbind(topic, name)
        for name, queue in list(self._queues.items()):
            if prefix_of(name) == prefix:
                queue.clear()
                self._forget_if_idle(name)

    def _put(self, name: str, item: Item, capacity: int) -> bool:
        queue = self._queues.setdefault(name, _Queue())
        if queue.offer(item):
            self._forget_if_idle(name)
            return True
        if len(queue.items) >= capacity or queue.size >= MAX_BYTES:
            return False
        queue.append(item)
        return True

    def _expire(self, name: str, now: float) -> None:
        """Drop what has expired in one queue."""
        queue = self._queues.get(name)
        if queue is None or not queue.items or queue.items[0].expires > now:
            return
        while queue.items and queue.items[0].expires <= now:
            queue.pop_left()
        self._forget_if_idle(name)

    def _forget_if_idle(self, name: str) -> None:
        queue = self._queues[name]
        if not queue.items and not queue.takers:
            del self._queues[name]


def prefix_of(name: str) -> str:
    return name[: name.rfind("/") + 1]


async def take(
    queues: MessageQueues, name: str, lock: AbstractContextManager[Any] = _UNSHARED
) -> Item:
    """Wait for the next item of a queue.

    Cancelling this never loses an item: one that has just been handed over goes back to the front.

    Args:
        lock: guards ``queues`` where items may come from other threads.
    """
    arrival = _Arrival()
    with lock:
        queues.pull(name, arrival.accept)
    try:
        return await arrival.wait()
    except asyncio.CancelledError:
        with lock:
            if arrival.item is None:
                queues.withdraw(name, arrival.accept)
            else:
                queues.push_front(name, arrival.item)
        raise


class _Arrival:
    """An item handed over by any thread to somebody who waits on an event loop."""

    def __init__(self) -> None:
        self.item: Item | None = None
        self._loop = asyncio.get_running_loop()
        self._come: asyncio.Future[None] = self._loop.create_future()

    async def wait(self) -> Item:
        await self._come
        assert self.item is not None
        return self.item

    def accept(self, item: Item) -> bool:
        """A Taker. Whose loop has ended, or who was cancelled, doesn't want the item."""
        if self.item is not None or self._come.done():
            return False
        self.item = item
        if asyncio._get_running_loop() is self._loop:
            self._arrive()
            return True
        try:
            self._loop.call_soon_threadsafe(self._arrive)
        except RuntimeError:  # it is closed
            self.item = None
        return self.item is not None

    def _arrive(self) -> None:
        if not self._come.done():
            self._come.set_result(None)
