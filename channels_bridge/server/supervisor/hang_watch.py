"""The watchdog: children whose event loop is stuck are noticed, shown, and replaced.

A worker that blocks its loop serves nobody. It is late after ``LATE`` steps without a heartbeat,
and gets no new connections; after a sixth of ``worker_timeout`` the tracebacks of its threads are
logged; after all of it they are logged again and it is killed, which starts another. The same holds
for a hub. A worker in which somebody is at the prompt of a debugger is left alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from channels_bridge.server.child.heartbeat import interval
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.debugging import is_debugged
from channels_bridge.server.supervisor.child_process import Child

logger = logging.getLogger("channels_bridge.server")


class Watch:
    """Counts the steps for which each child was silent, and does what is due.

    Time is counted in steps of this loop, not by a clock. None passes while the supervisor itself
    is stopped, or asleep together with its machine: else all children would be late on waking up.

    Args:
        config: how long a child may be stuck.
        children: those that run at the moment.
    """

    def __init__(self, config: ServerConfig, children: Callable[[], Iterable[Child]]) -> None:
        self._interval = interval(config)
        self._children = children
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
        for child in tuple(self._children()):
            if child.channel.serving:
                child.channel.silence += 1
                self.check(child)

    def check(self, child: Child) -> None:
        """Do what is due after a step: ask for tracebacks one step before they are logged.

        The child's signal handler has that step to write them, and the supervisor does not wait.
        """
        silence = child.channel.silence
        if silence in (self._first, self._last - 1):
            child.stacks.ask(child.pid)
        elif silence in (self._first + 1, self._last):
            self._judge(child, child.stacks.describe())

    def _judge(self, child: Child, stacks: str) -> None:
        silence = child.channel.silence
        seconds = silence * self._interval
        if is_debugged(stacks):
            child.channel.silence = self._first + 1  # until it is looked at again
        elif silence == self._last:
            logger.error("%s is killed: stuck for %g s:\n%s", child, seconds, stacks)
            child.process.kill()
        else:
            logger.warning("%s has been stuck for %g s:\n%s", child, seconds, stacks)
