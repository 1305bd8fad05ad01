"""Event loop lag: how late timers fire, as everything waits while something blocks the loop."""

from __future__ import annotations

import asyncio
from collections import deque

#: Seconds between two measurements.
INTERVAL = 0.5

#: Measurements that count, half a minute of them: no stall is missed between two scrapes.
LOOKS = 60


class LoopDelay:
    """Measures how late a timer of the running loop fires, from now on until ``close()``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._delays: deque[float] = deque([0.0], maxlen=LOOKS)
        self._look()

    def _look(self) -> None:
        self._due = self._loop.time() + INTERVAL
        self._timer = self._loop.call_at(self._due, self._late)

    def _late(self) -> None:
        self._delays.append(max(self._loop.time() - self._due, 0.0))
        self._look()

    def worst(self) -> float:
        """The longest delay of the last ``LOOKS`` measurements, in seconds."""
        return max(self._delays)

    def close(self) -> None:
        self._timer.cancel()
