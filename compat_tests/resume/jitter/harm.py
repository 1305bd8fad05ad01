"""What dies during a trial, and what the processes cost that live."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence

import psutil

from compat_tests.chaos.signals import send_signal

# Seconds between two readings of the processes; what a killed one used after the last is not known.
EVERY = 0.5


async def kill_now_and_then(find: Callable[[], list[int]], seconds: float) -> None:
    """SIGKILL to one of the processes, the next one each time, until cancelled."""
    turn = 0
    while True:
        await asyncio.sleep(seconds)
        pids = sorted(await asyncio.to_thread(find))
        if pids:
            send_signal(pids[turn % len(pids)], signal.SIGKILL)
            turn += 1


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
