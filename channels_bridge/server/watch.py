"""Workers whose event loop is stuck: noticed, shown, and replaced.

A worker that blocks its loop serves nobody. It is late after ``LATE`` silent steps, and gets no new
connections; after a sixth of ``worker_timeout`` the stacks of its threads are logged; after all of
it they are logged again and it is killed, which starts another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from .config import ServerConfig
from .heartbeat import interval
from .process import Child

logger = logging.getLogger("channels_bridge.server")


class Watch:
    """Counts the steps for which each worker was silent, and does what is due.

    Time is counted in steps of this loop. None passes while the supervisor itself is stopped, or
    asleep together with its machine, so that nobody is blamed for that.

    Args:
        config: how long a worker may be stuck.
        workers: those that run at the moment.
    """

    def __init__(self, config: ServerConfig, workers: Callable[[], Iterable[Child]]) -> None:
        self._interval = interval(config)
        self._workers = workers
        self._last = round(config.worker_timeout / self._interval) if self._interval else 0
        self._first = max(self._last // 6, 2)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._interval:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._step)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _step(self) -> None:
        self.start()
        for worker in tuple(self._workers()):
            if worker.channel.serving:
                worker.channel.silence += 1
                self.check(worker)

    def check(self, worker: Child) -> None:
        """Do what is due after a step: ask for stacks one step before they are logged."""
        silence = worker.channel.silence
        if silence in (self._first, self._last - 1):
            worker.stacks.ask(worker.pid)
        elif silence == self._first + 1:
            logger.warning("%s has been stuck for %s", worker, self._describe(worker))
        elif silence == self._last:
            logger.error("%s is killed: stuck for %s", worker, self._describe(worker))
            worker.process.kill()

    def _describe(self, worker: Child) -> str:
        return f"{worker.channel.silence * self._interval:g} s:\n{worker.stacks.describe()}"
