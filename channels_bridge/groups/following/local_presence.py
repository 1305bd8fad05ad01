"""The transport of a single process that knows who is present, besides its history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgpack

from channels_bridge.groups.following.local_history import (
    LocalHistoryExchange,
    LocalHistoryTransport,
)
from channels_bridge.groups.presence.attendance import Attendance, News
from channels_bridge.groups.presence.presence_transport import PresenceTransport, RollWatcher
from channels_bridge.groups.presence.roll import Here, RollChange, Terms

#: How often changes are told, and those let go who have lingered long enough, in seconds.
INTERVAL = 0.25


class LocalPresenceExchange(LocalHistoryExchange):
    """What several local transports of one process share, with who is present.

    Nobody is called while its lock is held: they may have one of their own.

    Args:
        max_bytes: how much all messages that are kept may take.
    """

    def __init__(self, max_bytes: float) -> None:
        super().__init__(max_bytes)
        self._attendance: Attendance[LocalPresenceTransport] = Attendance(self._push)
        self._transports: set[LocalPresenceTransport] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # of the timer

    def change(self, act: Callable[[Attendance[LocalPresenceTransport], float], Any]) -> Any:
        """Do something with what is known of presence; time goes on from now on."""
        with self.lock:
            result = act(self._attendance, time.monotonic())
            self._tick_later()
        return result

    def _tick_later(self) -> None:
        """Look again soon, on the loop of whoever has changed something."""
        if self._loop is not None and not self._loop.is_closed():
            return
        with suppress(RuntimeError):  # a thread without a loop: whoever comes next has one
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(INTERVAL, self._tick)

    def _tick(self) -> None:
        with self.lock:
            tellings = self._attendance.pass_time(time.monotonic())
            self._loop = None
            if not self._attendance.is_idle:
                self._tick_later()
        for topic, change, watchers in tellings:
            for transport in watchers:
                transport.tell_roll(topic, change)

    def join(self, transport: LocalPresenceTransport) -> None:
        """A transport begins to use this."""
        with self.lock:
            self._transports.add(transport)

    def leave(self, transport: LocalPresenceTransport) -> None:
        """A transport has ended; with the last one, time does."""
        self.change(lambda attendance, now: attendance.forget(transport, now))
        with self.lock:
            self._transports.discard(transport)
            if not self._transports and self._timer is not None:
                self._timer.cancel()
                self._loop = self._timer = None

    def _push(self, news: News) -> None:
        terms = news.terms
        payload = msgpack.packb(news.event())
        self.queues.push(terms.queue, payload, capacity=terms.capacity, expiry=terms.expiry)


class LocalPresenceTransport(LocalHistoryTransport, PresenceTransport):
    """Knows who is present in this process, which is all there is.

    Args:
        exchange: shared with other transports.
    """

    _exchange: LocalPresenceExchange

    def __init__(self, exchange: LocalPresenceExchange) -> None:
        super().__init__(exchange)
        self._watcher: RollWatcher | None = None

    def start_watching(self, watcher: RollWatcher) -> None:
        self._watcher = watcher
        self._exchange.join(self)

    def present(self, topic: str, key: str, info: bytes, terms: Terms) -> None:
        self._exchange.change(lambda a, now: a.enter(self, topic, key, info, terms, now))

    def absent(self, topic: str, key: str) -> None:
        self._exchange.change(lambda a, now: a.leave(self, topic, key, now))

    def watch_roll(self, topic: str, terms: Terms) -> None:
        self.tell_roll(topic, self._exchange.change(lambda a, now: a.watch(self, topic, now)))

    def unwatch_roll(self, topic: str) -> None:
        self._exchange.change(lambda a, now: a.unwatch(self, topic))

    async def roll(self, topic: str) -> Mapping[str, Here]:
        here: Mapping[str, Here] = self._exchange.change(lambda a, now: a.roll(topic, now))
        return here

    async def roll_count(self, topic: str) -> int:
        count: int = self._exchange.change(lambda a, now: a.count(topic))
        return count

    async def aclose(self) -> None:
        self._exchange.leave(self)
        await super().aclose()

    def tell_roll(self, topic: str, change: RollChange) -> None:
        """Tell what has changed."""
        if self._watcher is not None:
            self._watcher.on_roll(topic, change)


def make_local_presence(max_bytes: float) -> LocalPresenceTransport:
    """Return a transport that shares nothing with others."""
    return LocalPresenceTransport(LocalPresenceExchange(max_bytes))
