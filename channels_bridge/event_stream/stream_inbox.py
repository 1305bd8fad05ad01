"""The queue of an event stream: bounded, read on the stream's event loop, filled by any thread.

A worker's own inboxes (``server.websocket.inbox``) are filled on its event loop alone. Streams
run under other servers as well, where messages come from whichever thread has sent them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from math import inf
from typing import Any


class StreamInbox:
    """A bounded queue with one reader, on the event loop that is running.

    It is an ``Inbox`` as ``groups.overflow`` needs it.
    """

    #: Nothing is shared between streams: each renders for itself.
    sharing = None

    def __init__(self) -> None:
        #: How many messages may wait. Set by the layer.
        self.capacity = 100
        self.is_ended = False
        self._loop = asyncio.get_running_loop()
        self._items: deque[tuple[float, Any]] = deque()
        self._lock = threading.Lock()
        self._waiter: asyncio.Future[None] | None = None
        self._is_called = False  # there is something for the reader, here or elsewhere

    @property
    def waiting(self) -> int:
        """How many messages nobody has taken yet."""
        return len(self._items)

    def put_message(self, message: Any, expires: float = inf) -> bool:
        """Add a message; False when ``capacity`` wait already, and this one is dropped."""
        with self._lock:
            if len(self._items) >= self.capacity:
                return False
            self._items.append((expires, message))
        self.wake()
        return True

    def drop_oldest(self) -> None:
        """Drop the message that has waited longest of those that expire, if there is one."""
        with self._lock:
            for index, (expires, _) in enumerate(self._items):
                if expires != inf:  # else it is of a group with history
                    del self._items[index]
                    return

    def overflow(self) -> None:
        """End the stream: its client comes back and begins anew."""
        self.end()

    def end(self) -> None:
        """Let the reader end the stream."""
        self.is_ended = True
        self.wake()

    def wake(self) -> None:
        """Let the reader look again, here and at its feed."""
        # One call for all that comes until the reader runs: it takes everything then.
        with self._lock:
            self._is_called = True
            waiter, self._waiter = self._waiter, None
        if waiter is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_resolve, waiter)

    def pop(self) -> Any:
        """Take the next message; None where there is none."""
        now = time.monotonic()
        with self._lock:
            while self._items:
                expires, message = self._items.popleft()
                if expires > now:
                    return message
        return None

    async def wait(self, timeout: float) -> None:
        """Wait until something has come since the last call, but no longer than so many seconds."""
        waiter = self._loop.create_future()
        with self._lock:
            is_called, self._is_called = self._is_called, False
            self._waiter = waiter
        if not is_called:
            await asyncio.wait([waiter], timeout=max(0, timeout))
            self._is_called = False  # the reader is about to look


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
