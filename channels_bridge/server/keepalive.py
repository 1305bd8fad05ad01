"""Pings, which keep a connection alive and notice when its client is gone (RFC 6455, 5.5.2)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


class Keepalive:
    """Sends a ping after ``interval``, waits for its pong, and begins again.

    Args:
        interval: seconds; 0 sends none.
        timeout: seconds for the client to answer.
        ping: sends a ping with this payload.
        overdue: called when the answer did not come in time; :meth:`wait` gives it more.
    """

    __slots__ = ("_interval", "_overdue", "_payload", "_ping", "_timeout", "_timer")

    def __init__(
        self,
        interval: float,
        timeout: float,
        ping: Callable[[bytes], None],
        overdue: Callable[[], None],
    ) -> None:
        self._interval = interval
        self._timeout = timeout
        self._ping = ping
        self._overdue = overdue
        self._payload: bytes | None = None  # of the ping that has no pong yet
        self._timer: asyncio.TimerHandle | None = None  # the next ping, or the pong's deadline

    def start(self) -> None:
        if self._interval:
            self._set_timer(self._interval, self._send)

    def stop(self) -> None:
        self._payload = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def wait(self) -> None:
        """Wait for the pong, from now on."""
        self._set_timer(self._timeout, self._overdue)

    def answered(self, payload: bytes) -> None:
        """A pong came; those that answer no ping of ours mean nothing (RFC 6455, 5.5.3)."""
        if payload == self._payload:
            self._payload = None
            self.start()

    def _send(self) -> None:
        self._payload = os.urandom(4)
        self._ping(self._payload)
        self.wait()

    def _set_timer(self, delay: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, callback)
