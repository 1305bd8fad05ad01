"""The number of this worker process, for code that is to run in one worker only."""

from __future__ import annotations

import os

_current: tuple[int, int] | None = None  # its number, and the process that has it


def current_worker() -> int | None:
    """Which worker of ``websockets_server`` this process is: from 0 to the number of workers - 1.

    None everywhere else: in the process of the command, in a hub, under another server, and in what
    a worker has forked or started. It is known before the project is imported, so also in
    ``AppConfig.ready()``.

    A worker that takes the place of one that has ended has the number of that one. After a reload
    by SIGHUP, an old worker that still closes its connections has the same number as its successor.
    """
    if _current is None or _current[1] != os.getpid():
        return None
    return _current[0]


def become_worker(number: int) -> None:
    """Note that this process is that worker."""
    global _current
    _current = number, os.getpid()
