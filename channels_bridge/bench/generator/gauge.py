"""The gauge: the generator says when to measure, and the process that started it reads figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Protocol

from channels_bridge.bench.generator.ledger import Counts

MARK = "mark"


@dataclass
class Outcome:
    """The outcome of one run of the generator.

    Args:
        counts: what arrived, over the whole run.
        work: deliveries, connections or messages in the measured time.
        seconds: the measured time.
        generator_seconds: the generator's own CPU time in it.
        figures: others, such as latencies.
    """

    counts: Counts = field(default_factory=Counts)
    work: int = 0
    seconds: float = 0.0
    generator_seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)


class Load(Protocol):
    """What a load keeps: whether what comes now counts."""

    measuring: bool


class Gauge:
    """The generator's end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    async def mark(self) -> None:
        """Have CPU time and memory read; return once they are. The load goes on meanwhile."""
        await asyncio.to_thread(self._mark)

    def _mark(self) -> None:
        self._pipe.send(MARK)
        self._pipe.recv()

    @asynccontextmanager
    async def measured(self, outcome: Outcome) -> AsyncIterator[None]:
        """The time that counts: from one mark to the other."""
        await self.mark()
        start, cpu = time.perf_counter(), time.process_time()
        yield
        outcome.seconds = time.perf_counter() - start
        outcome.generator_seconds = time.process_time() - cpu
        await self.mark()

    async def measure(self, load: Load, outcome: Outcome, seconds: float) -> None:
        """Measure a load that goes on by itself, for so many seconds."""
        async with self.measured(outcome):
            load.measuring = True
            await asyncio.sleep(seconds)
            load.measuring = False

    def finish(self, outcome: Outcome) -> None:
        """Hand over the result."""
        self._pipe.send(outcome)
