"""What dies during a trial, and what the processes cost that live."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence

import psutil

from compat_tests.chaos.signals import send_signal

# Seconds between two readings of the processes; what a killed one used after the last is not known.
EVERY = 0.5


class Killer:
    """SIGKILL to one of some processes, the next one each time.

    Args:
        find: tells which there are now; where there is none, it happens as soon as there is one.
        seconds: between two times.

    Attributes:
        killed: how many so far.
        has_begun: set once there was one.
    """

    def __init__(self, find: Callable[[], list[int]], seconds: float) -> None:
        self.killed = 0
        self.has_begun = asyncio.Event()
        self._find = find
        self._seconds = seconds

    async def run(self) -> None:
        """Do so until cancelled."""
        wait = self._seconds
        while True:
            await asyncio.sleep(wait)
            pids = sorted(await asyncio.to_thread(self._find))
            wait = self._seconds if pids else EVERY
            if pids:
                send_signal(pids[self.killed % len(pids)], signal.SIGKILL)
                self.killed += 1
                self.has_begun.set()


class CpuMeter:
    """CPU time of processes and their descendants, those included that are killed meanwhile.

    Args:
        pids: the processes.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]
        self._seconds: dict[tuple[int, float], float] = {}
        self._read()
        self._before = self._sum()

    async def run(self) -> None:
        """Read them now and then, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await asyncio.to_thread(self._read)

    @property
    def used(self) -> float:
        """Seconds that they have used since this object was made."""
        self._read()
        return self._sum() - self._before

    def _sum(self) -> float:
        return sum(self._seconds.values())

    def _read(self) -> None:
        for root in self._roots:
            for process in (root, *root.children(recursive=True)):
                try:
                    times = process.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                key = process.pid, process.create_time()
                self._seconds[key] = times.user + times.system
