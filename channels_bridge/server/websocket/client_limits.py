"""Per-client limits: the message rate (rate limit), and the idle timeout."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.token_bucket import TokenBucket


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
