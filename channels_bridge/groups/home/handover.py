"""A bounded queue of calls from other threads to the home loop, which nobody waits for.

In a server's worker home is the loop that consumers run on. One of them may block it until a thread
is done, and so may wait for a thread that sends: that thread must not wait for the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

logger = logging.getLogger("channels_bridge.groups")

#: What may wait for the loop at a time; who has more waits as well. The bound for bytes is rough,
#: as it is kept without a lock: a signal handler might interrupt who holds that, and send.
MAX_MESSAGES = 4096
MAX_BYTES = 16 * 1024 * 1024


class Handover:
    """Calls of other threads, in the order in which they came.

    Args:
        loop: who takes them; None where nobody hands anything over.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._calls: deque[Callable[[], None]] = deque()

    def offer(self, call: Callable[[], None], size: int) -> bool:
        """Let the loop make a call.

        Args:
            size: of what it carries, in bytes.

        Returns:
            False when too much waits for the loop already.
        """
        waiting = len(self._calls)
        assert self._loop is not None
        if waiting >= MAX_MESSAGES or waiting * size >= MAX_BYTES:
            return False
        self._calls.append(call)
        self._loop.call_soon_threadsafe(self.take)
        return True

    def take(self) -> None:
        """Make the calls that wait. For the loop, also before it makes one of the same kind."""
        while self._calls:
            call = self._calls.popleft()
            try:
                call()
            except Exception:
                # The edge: who has handed it over is gone, and who takes it now has another call.
                logger.exception("a message from another thread cannot be sent")
