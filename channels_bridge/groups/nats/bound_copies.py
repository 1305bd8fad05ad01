"""Copies of what is published, for the queues that are bound to its topic.

They are pushed by the process that publishes, one after the other, so that they keep their order.
Publishing doesn't wait for them; what waits is bounded, and what is too much is dropped and logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.nats.queue_bindings import Binding

logger = logging.getLogger("channels_bridge.groups")

#: How many publications may wait, and how many bytes.
MOST = 10_000
MOST_BYTES = 32 * 1024 * 1024


class _Publication(NamedTuple):
    topic: str
    payload: bytes
    at: float  # the loop's time
    copied: asyncio.Future[None]


class BoundCopies:
    """Publications of which copies are to be pushed.

    Lives on one event loop.

    Args:
        get_bindings: the bindings of a topic, by queue; waits until they are known.
        push: pushes a copy to a queue, given when it was published, in the loop's time. What it
            raises is logged.
    """

    def __init__(
        self,
        get_bindings: Callable[[str], Awaitable[dict[str, Binding]]],
        push: Callable[[str, bytes, Binding, float], Awaitable[None]],
    ) -> None:
        self._get_bindings = get_bindings
        self._push = push
        self._waiting: deque[_Publication] = deque()
        self._size = 0  # in bytes
        self._task: asyncio.Task[None] | None = None
        self._notices = Notices(logger)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def add(self, topic: str, payload: bytes) -> asyncio.Future[None]:
        """Push copies once it is their turn; done when each is in its queue, or was refused."""
        loop = asyncio.get_running_loop()
        publication = _Publication(topic, payload, loop.time(), loop.create_future())
        if len(self._waiting) >= MOST or self._size >= MOST_BYTES:
            self._log_loss(topic, "too much waits to be copied to them")
            _finish(publication)
            return publication.copied
        self._waiting.append(publication)
        self._size += len(payload)
        if self._task is None:
            self._task = loop.create_task(self._run())
        return publication.copied

    async def drain(self) -> None:
        """Return once nothing waits."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def stop(self, *, tell: bool) -> None:
        """Push nothing more.

        Args:
            tell: whether to log what that loses.
        """
        if self._task is not None:
            self._task.cancel()
        while self._waiting:
            publication = self._waiting.popleft()
            if tell:
                self._log_loss(publication.topic, "its process has ended")
            _finish(publication)

    async def _run(self) -> None:
        try:
            while self._waiting:
                publication = self._waiting[0]
                await self._copy(publication)
                self._waiting.popleft()
                self._size -= len(publication.payload)
                _finish(publication)
        finally:
            self._task = None

    async def _copy(self, publication: _Publication) -> None:
        try:
            bindings = await self._get_bindings(publication.topic)
            for queue, binding in bindings.items():
                await self._push(queue, publication.payload, binding, publication.at)
        except Exception as error:
            self._log_loss(publication.topic, str(error))

    def _log_loss(self, topic: str, reason: str) -> None:
        self._notices.log(
            logging.ERROR,
            reason,
            "what was sent to %s is lost for the channels without an exclamation mark that are "
            "members: %s",
            topic,
            reason,
        )


def _finish(publication: _Publication) -> None:
    if not publication.copied.done():  # else who waited was cancelled
        publication.copied.set_result(None)
