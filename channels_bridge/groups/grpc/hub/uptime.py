"""A clock for timeouts that stands still while this process doesn't run."""

from __future__ import annotations

import time

#: What counts of the time between two ticks at most, in seconds.
MAX_STEP = 1.0


class Uptime:
    """A clock for patience with others.

    After this process was stopped (SIGSTOP, a suspended machine) or was stuck, others seem to have
    been silent all the time, while what they said waits to be read. That time doesn't count.

    Attributes:
        now: seconds since the clock was made.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._last = time.monotonic()

    def tick(self) -> None:
        """Let time pass. Call this several times a second."""
        now = time.monotonic()
        self.now += min(now - self._last, MAX_STEP)
        self._last = now
