"""Work that several callers wait for, done once, and to its end though they are all cancelled.

Whoever calls with a short timeout, again and again, gets its result in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable


class SharedWork:
    """What is being done, each under a key.

    Lives on one event loop.
    """

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Wait for what is done under a key, which is begun unless it is being done.

        Raises:
            Exception: what it raised, to all who wait.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(work())
            task.add_done_callback(lambda task: self._finish(key, task))
        await asyncio.shield(task)

    def stop(self) -> None:
        """End what is being done."""
        for task in self._tasks.values():
            task.cancel()

    def _finish(self, key: Hashable, task: asyncio.Task[None]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # where nobody waits any more, nobody is told
