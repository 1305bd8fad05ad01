"""Notices that a node has gone silent, as one does whose host has vanished.

A node answers each PING at once. While much is on its way to it, a PING waits behind that; that it
takes what had to wait is a sign of life, too. What the socket took at once is none: the kernel does
that for a node that has stopped. An event loop that was blocked makes up for no beats that it has
missed; and while this process is behind with what has come, it reads nothing, so silence says
nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

#: Seconds between two beats.
INTERVAL = 1.0

#: After how many beats in a row without a sign of life a node is given up.
SILENT_BEATS = 3


class Heartbeat:
    """Asks a node whether it lives.

    Args:
        interval: seconds between two beats.
        ask: writes a PING.
        get_flow: how many bytes the socket has taken so far, and how many wait for it. The latter
            alone say little: while more is given to it, they may be as many as before.
        is_behind: whether something that has come is not handled yet.
        on_silent: called once, when the node is given up; nothing is asked after that.

    Attributes:
        heard_at: when anything came from the node last, in ``time.monotonic()``; set by whoever
            reads it.
    """

    def __init__(
        self,
        interval: float,
        *,
        ask: Callable[[], None],
        get_flow: Callable[[], tuple[int, int]],
        is_behind: Callable[[], bool],
        on_silent: Callable[[], None],
    ) -> None:
        self.heard_at = time.monotonic()
        self._interval = interval
        self._ask = ask
        self._get_flow = get_flow
        self._is_behind = is_behind
        self._on_silent = on_silent
        self._heard_before = 0.0  # at the beat before
        self._taken, self._waiting = get_flow()
        self._silent = 0
        self._timer = asyncio.get_running_loop().call_later(interval, self._beat)

    def stop(self) -> None:
        """Ask no more."""
        self._timer.cancel()

    def _beat(self) -> None:
        taken, waiting = self._get_flow()
        has_taken = self._waiting > 0 and taken > self._taken
        lives = self.heard_at > self._heard_before or has_taken or self._is_behind()
        self._silent = 0 if lives else self._silent + 1
        self._heard_before, self._taken, self._waiting = self.heard_at, taken, waiting
        if self._silent >= SILENT_BEATS:
            self._on_silent()
            return
        self._ask()
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._beat)
