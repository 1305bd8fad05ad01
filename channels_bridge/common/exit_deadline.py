"""A deadline at the exit of a process for threads that the application has left running.

Python waits for all threads that are not daemons, and for those of each executor. A scheduler that
nobody stops would keep a worker until it is killed.

Spec deviation: Daphne and uvicorn wait for them for ever.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from contextlib import suppress

logger = logging.getLogger("channels_bridge.server")

#: Seconds that threads have to end.
PATIENCE = 2.0


def leave_soon(code: int) -> None:
    """Start the deadline; to be called when nothing is left to be done.

    Threads that are left then hold the process for ``PATIENCE`` seconds at most. What is
    registered with ``atexit`` is run, also where threads are left behind.
    """
    leaving = threading.Thread(target=_Leaving(code).wait, name="leaving", daemon=True)
    with suppress(RuntimeError):  # no thread can be started any more
        leaving.start()


class _Leaving:
    def __init__(self, code: int) -> None:
        self._code = code
        self._exits = False
        atexit.register(self._note_exit)  # comes first, as what is registered last

    def _note_exit(self) -> None:
        self._exits = True

    def wait(self) -> None:
        """End the process after ``PATIENCE`` seconds, unless it ends by itself."""
        time.sleep(PATIENCE)
        threads = [thread for thread in threading.enumerate() if _holds(thread)]
        if not threads or self._exits:
            return  # something else takes long, which is not ours to cut off
        names = ", ".join(thread.name for thread in threads)
        logger.warning("process %d ends without waiting for its threads: %s", os.getpid(), names)
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(self._code)


def _holds(thread: threading.Thread) -> bool:
    return not thread.daemon and thread is not threading.main_thread()
