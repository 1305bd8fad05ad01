"""Tracebacks of a child's threads, even while its event loop is stuck.

The child registers a signal with ``faulthandler``, whose handler needs neither the loop nor the
GIL; it writes into a pipe that the supervisor reads. A question over ``questions`` would wait for
the loop, and find it where it isn't stuck any more.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
from functools import partial
from typing import BinaryIO

from channels_bridge.common.forks import keep_from_children, undo_in_children

#: Nothing else in a child of ours may use it.
SIGNAL = signal.SIGUSR2

#: Bytes that a pipe holds on Linux; what does not fit is lost, so that the child never waits.
_SIZE = 2**16

#: Seconds after which a child that runs at all has answered.
SHOWN_WITHIN = 1.0


def stack_pipe() -> tuple[Stacks, BinaryIO]:
    """The supervisor's end, and what the child gives to ``offer()``."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    return Stacks(open(reader, "rb", buffering=0)), open(writer, "wb", buffering=0)


def offer(pipe: BinaryIO) -> None:
    """Write the stacks of all threads into ``pipe`` whenever the signal comes."""
    faulthandler.register(SIGNAL, file=pipe, all_threads=True)
    undo_in_children(SIGNAL, partial(faulthandler.unregister, SIGNAL))
    keep_from_children(pipe)


class Stacks:
    """The supervisor's end: ask, give the child a moment, then read."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        keep_from_children(pipe)

    def ask(self, pid: int) -> None:
        """Ask a child, which answers once it has called ``offer()``.

        A signal before that would kill it; it is started with the signal blocked.
        """
        self.read()  # a late answer to an earlier question
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, SIGNAL)

    def read(self) -> str:
        """Take what has come of them, innermost calls first; empty if the child is stopped."""
        try:
            return os.read(self._pipe.fileno(), _SIZE).decode(errors="replace").rstrip()
        except BlockingIOError:
            return ""

    def describe(self) -> str:
        """Take the same, for a log line: never empty."""
        return self.read() or "no stacks: it is stopped, or waits in the kernel"

    def close(self) -> None:
        self._pipe.close()
