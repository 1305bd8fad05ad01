"""One PING for all who want to know at a time whether what they asked for is in force."""

from __future__ import annotations

import asyncio
import time

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable


class JoinedFlush:
    """Waits for a node, for subscriptions of one round of the loop together.

    Subscriptions outlive a link, so where one ends the next one is waited for.

    Args:
        connection: the connection.
        timeout: seconds until ``wait()`` raises.
    """

    def __init__(self, connection: NatsConnection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._next: asyncio.Task[None] | None = None  # whose PING isn't written yet
        self._tasks: set[asyncio.Task[None]] = set()

    async def wait(self) -> None:
        """Return once what was subscribed before is in force.

        Raises:
            NatsUnavailable: that takes too long.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._flush())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._done)
        await asyncio.shield(self._next)

    def close(self) -> None:
        """Let nobody wait any more."""
        for task in self._tasks:
            task.cancel()

    async def _flush(self) -> None:
        self._next = None
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return await self._connection.flush(max(deadline - time.monotonic(), 0))
            except NatsUnavailable:
                if time.monotonic() >= deadline:
                    raise

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited may have been cancelled
