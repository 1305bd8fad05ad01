"""A gauge for loads that run in a test's own process."""

from __future__ import annotations

from channels_bridge.bench.generator.gauge import Gauge


class Unread(Gauge):
    """Nobody reads it."""

    def __init__(self) -> None:
        self.marks = 0

    async def mark(self) -> None:
        self.marks += 1
