"""What can wait until the event loop has been round, and is then done together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class NextRound:
    """Calls what it was given in the next round of the running loop, in that order.

    A thousand callbacks are one to the loop. They must not raise.
    """

    __slots__ = ("_callbacks",)

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []

    def call(self, callback: Callable[[], None]) -> None:
        """Call it in the next round."""
        if not self._callbacks:
            asyncio.get_running_loop().call_soon(self._run)
        self._callbacks.append(callback)

    def _run(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
