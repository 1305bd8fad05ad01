"""The transport of a single process with history: numbers, keeps and replays in memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from uuid import uuid4

from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.epochs import new_epoch
from channels_bridge.groups.history.position import Bounds, Excerpt
from channels_bridge.groups.history_transport import Follower, HistoryTransport
from channels_bridge.groups.local_transport import LocalExchange, LocalTransport

#: How often logs are looked through for what has expired, in seconds.
SWEEP_INTERVAL = 5


class LocalHistoryExchange(LocalExchange):
    """The topics, queues and logs that several local transports of one process share.

    Args:
        max_bytes: how much all messages that are kept may take.
    """

    def __init__(self, max_bytes: float) -> None:
        super().__init__()
        self.chronicle = Chronicle(new_epoch=new_epoch, max_bytes=max_bytes)
        self.followers: dict[str, list[LocalHistoryTransport]] = {}
        # Held while followers are called: they get what is appended in one order, whichever threads
        # append. A node may have a lock of its own in there, so nobody who has one may come here.
        self.in_order = threading.RLock()
        self._calls: deque[Callable[[], None]] = deque()
        self._is_calling = False
        self._sweep_at = time.monotonic() + SWEEP_INTERVAL

    def call(self, call: Callable[[], None]) -> None:
        """Make a call after those before it. To be called with ``in_order``.

        It may come within one of them, by a signal handler, and then has to wait for its end.
        """
        self._calls.append(call)
        if self._is_calling:
            return
        self._is_calling = True
        try:
            while self._calls:
                self._calls.popleft()()
        finally:
            self._is_calling = False

    def sweep_if_due(self, now: float) -> None:
        """Forget what is too old; no loop would do it from time to time."""
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_INTERVAL
            self.chronicle.sweep(now, self.followers.__contains__)


class LocalHistoryTransport(LocalTransport, HistoryTransport):
    """Delivers at once, numbered; every method returns without waiting, but ``pull()``.

    Its methods may be called from any thread.

    Args:
        exchange: shared with other transports.
    """

    _exchange: LocalHistoryExchange

    def __init__(self, exchange: LocalHistoryExchange) -> None:
        super().__init__(exchange)
        self._sender = uuid4().bytes
        self._seq = 0
        self._follower: Follower | None = None
        self._followed: set[str] = set()

    def start_following(self, follower: Follower) -> None:
        self._follower = follower

    async def follow(self, topic: str) -> None:
        self.follow_nowait(topic)

    def follow_nowait(self, topic: str) -> None:
        self.subscribe_nowait(topic)
        exchange = self._exchange
        with exchange.in_order:
            with self._lock:
                if topic not in self._followed:
                    self._followed.add(topic)
                    exchange.followers.setdefault(topic, []).append(self)
            exchange.call(partial(self._tell_excerpt, topic))

    def unfollow(self, topic: str) -> None:
        self.unsubscribe(topic)
        with self._lock:
            if topic not in self._followed:
                return
            self._followed.discard(topic)
            followers = self._exchange.followers[topic]
            followers.remove(self)
            if not followers:
                del self._exchange.followers[topic]

    async def read(self, topic: str, *, is_brief: bool = False) -> Excerpt:
        with self._exchange.in_order:
            excerpt = self._exchange.chronicle.excerpt(topic, None, time.monotonic())
        return excerpt.brief() if is_brief else excerpt

    async def append(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        self.append_nowait(topic, payload, bounds, kept=kept)

    async def append_confirmed(
        self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool
    ) -> None:
        self.append_nowait(topic, payload, bounds, kept=kept)

    def append_nowait(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> None:
        with self._exchange.in_order:
            self._exchange.call(partial(self._append, topic, payload, bounds, kept))

    async def clear_queues(self) -> None:
        await super().clear_queues()
        with self._exchange.in_order:
            for topic in self._exchange.chronicle.clear(lambda topic: True):
                for other in self._followers(topic):
                    self._exchange.call(partial(other._tell_excerpt, topic))

    async def aclose(self) -> None:
        for topic in list(self._followed):
            self.unfollow(topic)
        await super().aclose()

    # With ``in_order``.

    def _append(self, topic: str, payload: bytes, bounds: Bounds, kept: bool) -> None:
        exchange, now = self._exchange, time.monotonic()
        exchange.sweep_if_due(now)
        self._seq += 1
        entry = exchange.chronicle.append(
            topic, self._sender, self._seq, payload, bounds, kept=kept, now=now
        )
        assert entry is not None  # nobody repeats anything here
        with self._lock:
            exchange.queues.route(topic, payload)
        for other in self._followers(topic):
            if other._follower is not None:
                other._follower.on_entry(topic, entry)

    def _tell_excerpt(self, topic: str) -> None:
        if self._follower is not None and topic in self._followed:
            position = self._follower.position(topic)
            excerpt = self._exchange.chronicle.excerpt(topic, position, time.monotonic())
            self._follower.on_excerpt(topic, excerpt)

    def _followers(self, topic: str) -> list[LocalHistoryTransport]:
        with self._lock:
            return list(self._exchange.followers.get(topic, ()))


def make_local_history(max_bytes: float) -> LocalHistoryTransport:
    """Return a transport that shares nothing with others."""
    return LocalHistoryTransport(LocalHistoryExchange(max_bytes))
