"""The pulse of a worker: heartbeats, the ends of rounds, and the end itself, for all sessions.

One timer serves all: one for each would take half a KiB of each idle connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from channels_bridge.server.websocket.context import Context

#: Seconds within which each client hears something. As Phoenix and AnyCable, below the minute after
#: which proxies end silent connections.
BEAT = 25.0
#: Parts that sessions are visited in, so that not all are at a time.
PARTS = 25
#: Seconds that a frame of a thread is held back at most, until its handler has returned.
PATIENCE = 0.02


class Beating(Protocol):
    """A session as the pulse sees it."""

    part: int

    def visit(self, now: float) -> None:
        """Say something if nothing was said since the last visit, which is half a beat ago."""

    def announce_end(self, within: float) -> None:
        """The worker ends: the client should go within so many seconds."""


class Holder(Protocol):
    """Who holds a frame back."""

    def release(self) -> None:
        """Write it: its time is over."""


class Pulse:
    """Visits the sessions of a worker, and ends what is held back. Used on its event loop."""

    def __init__(self, context: Context) -> None:
        self.beat = BEAT
        self.round_end = Gathering(lambda call: asyncio.get_running_loop().call_soon(call))
        self.soon = Gathering(lambda call: asyncio.get_running_loop().call_later(PATIENCE, call))
        self._parts: list[set[Beating]] = [set() for _ in range(PARTS)]
        self._next = 0  # the part that is visited next
        self._newest = 0  # the part that the last session came to
        self._sessions = 0
        self._timer: asyncio.TimerHandle | None = None
        context.on_drain.append(self._announce_end)

    def start(self, session: Beating) -> None:
        """Visit a session from now on."""
        self._newest = session.part = (self._newest + 1) % PARTS
        self._parts[session.part].add(session)
        self._sessions += 1
        if self._timer is None:
            self._plan()

    def stop(self, session: Beating) -> None:
        """Visit it no longer."""
        if session in self._parts[session.part]:
            self._parts[session.part].discard(session)
            self._sessions -= 1

    def _plan(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.beat / 2 / PARTS, self._visit)

    def _visit(self) -> None:
        now = asyncio.get_running_loop().time()
        for session in tuple(self._parts[self._next]):
            session.visit(now)
        self._next = (self._next + 1) % PARTS
        self._timer = None
        if self._sessions:
            self._plan()

    def _announce_end(self, within: float) -> None:
        for part in self._parts:
            for session in tuple(part):
                session.announce_end(within)


class Gathering:
    """Those who hold something back, released together: one callback to the loop serves all."""

    def __init__(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        self._schedule = schedule
        self._holders: list[Holder] = []

    def add(self, holder: Holder) -> None:
        if not self._holders:
            self._schedule(self._release)
        self._holders.append(holder)

    def _release(self) -> None:
        holders, self._holders = self._holders, []
        for holder in holders:
            holder.release()


_pulses: WeakKeyDictionary[Context, Pulse] = WeakKeyDictionary()


def pulse_of(context: Context) -> Pulse:
    """Return the pulse of a worker."""
    pulse = _pulses.get(context)
    if pulse is None:
        pulse = _pulses[context] = Pulse(context)
    return pulse
