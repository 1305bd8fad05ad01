"""Signals that end a process: their echoes, and those that come when it is about to exit."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
from collections.abc import Collection
from contextlib import suppress
from math import inf

#: Seconds in which another signal is the echo of one. Who ends a whole process group, as `timeout`
#: or a process manager does, may tell the process in front once more, and what is in between may
#: pass on what the group has got already. Nobody means two by it.
ECHO = 1.0


class Echoes:
    """Tells a signal from the echoes of the one before."""

    def __init__(self) -> None:
        self._last = -inf  # when one came that was none, in the loop's time

    def is_echo(self) -> bool:
        """Whether a signal that has come now is one."""
        now = asyncio.get_running_loop().time()
        if now - self._last < ECHO:
            return True
        self._last = now
        return False


def exit_by_signals(numbers: Collection[signal.Signals]) -> None:
    """Let these signals end the process at once, with exit code 0.

    The loop's handlers for them go with the loop; after that a second SIGTERM, which impatient
    people and init systems send, would kill a server that has ended as it should. To be called last
    on the running loop, in the main thread. A process that other threads keep from exiting still
    ends by them.
    """
    loop = asyncio.get_running_loop()
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)  # no moment without a handler
    for number in numbers:
        loop.remove_signal_handler(number)
        signal.signal(number, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    # The interpreter forgets handlers long before it has ended, but not what is ignored.
    atexit.register(_ignore, numbers)


def _ignore(numbers: Collection[signal.Signals]) -> None:
    for number in numbers:
        with suppress(ValueError):  # not in the main thread, where threads are left behind
            signal.signal(number, signal.SIG_IGN)
