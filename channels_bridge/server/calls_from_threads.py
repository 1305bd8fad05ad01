"""Calls from other threads into the event loop, with one wake-up for many."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

Call = Callable[[], None]


class Crossing:
    """``call_soon_threadsafe`` with one wake-up of the loop for all calls that wait for it.

    Calls are made once each, in the order in which they were handed over, whichever thread they
    come from; and before what a thread has the loop do afterwards, by whatever way. How many may
    wait is for those to limit who hand them over. Belongs to the event loop that it was made on.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: deque[Call] = deque()
        self._woken = False  # the loop was told, and has not come yet
        # Reentrant: a signal handler, or what is freed, may hand something over meanwhile.
        self._lock = threading.RLock()

    def call_soon(self, call: Call) -> None:
        """Have the loop make a call. May be used in any thread.

        Raises:
            RuntimeError: the loop is closed.
        """
        # So that nobody relies on another thread which is only about to wake the loop.
        with self._lock:
            self._calls.append(call)
            if not self._woken:
                self._woken = True
                self._loop.call_soon_threadsafe(self._make_calls)

    def _make_calls(self) -> None:
        self._woken = False  # before counting: what is handed over from now on wakes the loop again
        for _ in range(len(self._calls)):
            self._make(self._calls.popleft())

    def _make(self, call: Call) -> None:
        try:
            call()
        except Exception as error:  # as the loop itself does: the calls behind it are others'
            message = "Exception in a call from another thread"
            self._loop.call_exception_handler({"message": message, "exception": error})
