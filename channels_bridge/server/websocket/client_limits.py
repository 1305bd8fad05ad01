"""Per-client limits: the message rate (rate limit), the idle timeout, and how both end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from websockets.frames import CloseCode

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.token_bucket import TokenBucket
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.flow_control import Reading, Reason
from channels_bridge.server.websocket.lifecycle import State


class Limited(Protocol):
    """A connection as its client's limits see it."""

    context: Context
    path: str
    peer: str
    reading: Reading
    state: State

    def abandon(self, code: int, reason: str) -> None:
        """Give up on the connection: what the client has sent is not read any more."""

    def end(self, code: int, reason: str) -> bool:
        """Close the connection. Returns whether it was open or undecided."""


class Pace:
    """Watches one client's messages.

    Args:
        config: has the limits, at least one.
        idle: called when no message came for ``idle_timeout`` seconds, and again after as many.
    """

    __slots__ = ("_bucket", "_idle", "_last", "_loop", "_timeout", "_timer")

    def __init__(self, config: ServerConfig, idle: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._last = now = self._loop.time()
        self._bucket: TokenBucket | None = None
        if config.max_message_rate:
            self._bucket = TokenBucket(config.max_message_rate, config.message_burst, now)
        self._idle = idle
        self._timeout = config.idle_timeout
        self._timer: asyncio.TimerHandle | None = None  # one, whatever the number of messages
        if self._timeout:
            self._timer = self._loop.call_at(now + self._timeout, self._look)

    def note_message(self) -> bool:
        """A message came. False if that is one too many."""
        self._last = self._loop.time()
        return self.note_ping()

    def note_ping(self) -> bool:
        """A ping came. False if that is one too many.

        It is work for the server as a message is, but does not put off the idle timeout: a library
        sends pings though nobody sits before it.
        """
        return self._bucket is None or self._bucket.take(self._loop.time())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        # A timer for each message would cost more than one that finds that it was too early.
        due = self._last + self._timeout
        now = self._loop.time()
        if now >= due:
            due = now + self._timeout
            self._idle()
        if self._timer is not None:  # not stopped by that
            self._timer = self._loop.call_at(due, self._look)


def cut_off(connection: Limited, why: str, code: int, reason: str) -> None:
    """Close an open connection for what its client does; ``why`` counts it."""
    if connection.state is State.OPEN:
        note_cut_off(connection, why, reason)
        connection.end(code, reason)


def cut_off_fast(connection: Limited) -> None:
    """Close an open connection whose client exceeds ``max_message_rate``."""
    if connection.state is State.OPEN:
        reason = f"more than {connection.context.config.max_message_rate:g} messages a second"
        note_cut_off(connection, "message_rate", reason)
        connection.abandon(CloseCode.POLICY_VIOLATION, reason)


def cut_off_idle(connection: Limited) -> None:
    """Close an open connection whose client has sent nothing for ``idle_timeout``."""
    if not connection.reading.is_held(Reason.INBOX):  # else: its messages wait for us
        reason = f"no message for {connection.context.config.idle_timeout:g} s"
        cut_off(connection, "idle", CloseCode.GOING_AWAY, reason)


def note_cut_off(connection: Limited, why: str, reason: str) -> None:
    """Count and log it: rate-limited, for each ``why``."""
    connection.context.counters.cut_off[why] += 1
    message = "WebSocket %s [%s] is cut off: %s"
    connection.context.notices.warn(why, message, connection.path, connection.peer, reason)
