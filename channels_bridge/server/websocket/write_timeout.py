"""Write timeout: clients that do not read what they are sent are noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: Looks at the buffer within one timeout; a stall is noticed late by one interval at most.
LOOKS = 4


class StallWatch:
    """Watches a full write buffer: does the client take anything from it?

    Progress is a buffer that is smaller than it ever was since ``start``. A slow client makes
    some with each round trip, and has as much time as it needs; as nginx's ``send_timeout`` this
    limits the time between two steps, not the time of a message.

    Args:
        transport: whose buffer it is.
        timeout: seconds without progress; 0 waits for ever.
        stalled: called once when they are over.
    """

    __slots__ = ("_left", "_smallest", "_stalled", "_timeout", "_timer", "_transport")

    def __init__(
        self, transport: asyncio.Transport, timeout: float, stalled: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._stalled = stalled
        self._smallest = 0  # bytes
        self._left = LOOKS
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The buffer is full."""
        if self._timeout:
            self._note_progress(self._transport.get_write_buffer_size())
            self._schedule()

    def stop(self) -> None:
        """There is room again, or no connection any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def is_watching(self) -> bool:
        return self._timer is not None

    def _schedule(self) -> None:
        delay = self._timeout / LOOKS
        self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        size = self._transport.get_write_buffer_size()
        if size < self._smallest:
            self._note_progress(size)
        else:
            self._left -= 1
        if self._left:
            self._schedule()
        else:
            self._timer = None
            self._stalled()

    def _note_progress(self, size: int) -> None:
        self._smallest = size
        self._left = LOOKS
