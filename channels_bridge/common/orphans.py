"""Orphans: a container's process 1 inherits processes whose parent has ended, and must reap them.

Nobody else does: each stays a zombie, which keeps its process id, until the container ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Container
from contextlib import suppress

from channels_bridge.common.forks import handle_in_loop

#: Seconds until the next look where one of ours has ended, behind which others may wait.
AGAIN = 1.0


class Reaper:
    """Reaps processes that have ended and that nobody here waits for, on the running loop.

    Args:
        ours: returns the processes that are waited for elsewhere, by id.
    """

    def __init__(self, ours: Callable[[], Container[int]]) -> None:
        self._ours = ours
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        handle_in_loop(signal.SIGCHLD, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self.stop()
        while (pid := _ended()) is not None:
            if pid in self._ours():
                self._timer = asyncio.get_running_loop().call_later(AGAIN, self._look)
                return
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _ended() -> int | None:
    """Return a child that has ended, and leave it as it is; None if there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found is not None else None
