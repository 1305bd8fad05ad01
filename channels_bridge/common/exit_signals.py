"""Signals to a process that has done its work and is about to exit."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
from collections.abc import Collection
from contextlib import suppress


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
