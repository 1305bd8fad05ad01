"""Keeps a link to some node: connects, and connects again, for ever.

All nodes of the pool are tried one after the other, without a pause in the first round; then come
pauses, with backoff and jitter, so that not all processes come at once when a node is back. A node
that is about to end (*lame duck mode*) is left once there is a link to another.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.node_link import NodeLink
from channels_bridge.groups.nats.client.server_pool import ServerAddress, ServerPool

logger = logging.getLogger("channels_bridge.groups")

#: Seconds between two rounds through the pool: doubled after each.
MIN_DELAY = 0.05
MAX_DELAY = 2.0

#: A link that lasted for fewer seconds has failed, too: pauses follow, doubled after each.
SHORT = 1.0

#: The same while nodes refuse: nothing heals that but other credentials.
REFUSED_DELAY = 5.0

#: How many times in a row a node has to refuse; it may have been about to read its configuration.
REFUSALS = 2

#: Seconds without a node that are a WARNING: where one is started again, it is back before.
PATIENCE = 5.0

#: Seconds that a node which is left may take to handle what it was sent.
FAREWELL = 1.0


class Reconnection:
    """Connects, again and again.

    Args:
        pool: where to.
        open_link: makes a link, or raises ``NatsUnavailable``.
        attach: called with each link that is to be used from now on.
        detach: called when nothing must be written to the current link any more.

    Attributes:
        trouble: why there is no link; None while there is one, or none was tried.
        refusal: the same where no waiting heals it.
        returned_at: when there was a link again after there was none to be had, in
            ``time.monotonic()``.
    """

    def __init__(
        self,
        pool: ServerPool,
        open_link: Callable[[ServerAddress], Awaitable[NodeLink]],
        attach: Callable[[NodeLink], None],
        detach: Callable[[], None],
    ) -> None:
        self.trouble: NatsUnavailable | None = None
        self.refusal: NatsUnavailable | None = None
        self.returned_at = float("-inf")
        self._pool = pool
        self._open_link = open_link
        self._attach = attach
        self._detach = detach
        self._must_leave = asyncio.Event()
        self._random = random.Random()

    def leave(self) -> None:
        """Go to another node, as the current one is about to end."""
        self._must_leave.set()

    async def run(self) -> None:
        """Connect for ever."""
        loop, delay = asyncio.get_running_loop(), MIN_DELAY
        while True:
            link: NodeLink | None = await self._find_node()
            began = loop.time()
            while link is not None and not link.ended.done():
                if self.trouble is not None:
                    self.returned_at = time.monotonic()
                self.trouble = self.refusal = None
                self._must_leave.clear()
                self._attach(link)
                link = await self._stay(link)
            if loop.time() - began < SHORT:
                await self._pause(delay)
                delay = min(delay * 2, MAX_DELAY)
            else:
                delay = MIN_DELAY

    async def _find_node(self) -> NodeLink:
        warning = asyncio.get_running_loop().call_later(PATIENCE, self._warn)
        try:
            return await self._search()
        finally:
            warning.cancel()

    async def _search(self) -> NodeLink:
        delay = MIN_DELAY
        while True:
            for _ in range(len(self._pool)):
                with suppress(NatsUnavailable):
                    return await self._try(self._pool.take())
            limit = REFUSED_DELAY if self.refusal else MAX_DELAY
            await self._pause(delay)
            delay = min(delay * 2, limit)

    async def _pause(self, delay: float) -> None:
        await asyncio.sleep(delay * self._random.uniform(0.5, 1))

    async def _try(self, server: ServerAddress) -> NodeLink:
        try:
            link = await self._open_link(server)
        except NatsUnavailable as trouble:
            # A process at its end has no threads to look up names: that is no news of the node.
            if self.trouble is None or not isinstance(trouble.__cause__, RuntimeError):
                self._note(server, trouble)
            raise
        server.refusals = 0
        return link

    def _note(self, server: ServerAddress, trouble: NatsUnavailable) -> None:
        server.refusals = server.refusals + 1 if trouble.refuses else 0
        if server.refusals >= REFUSALS:
            if self.refusal is None:
                logger.error("no connection to NATS: %s", trouble)
            self.refusal = trouble
        elif self.trouble is None:
            logger.info("no connection to NATS: %s", trouble)
        self.trouble = trouble

    def _warn(self) -> None:
        """Tell those who see no INFO, as in commands: calls may wait, or messages may be lost."""
        if self.refusal is None:
            trouble = self.trouble or "no answer yet"
            logger.warning("no connection to NATS for %g seconds: %s", PATIENCE, trouble)

    async def _stay(self, link: NodeLink) -> NodeLink | None:
        """Use a link until it ends. Returns another where its node has sent this process away."""
        leaving = asyncio.create_task(self._find_other(link))
        either: list[asyncio.Future[Any]] = [link.ended, leaving]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            _abandon(await _finish(leaving))
            raise
        other = await _finish(leaving)
        self._detach()
        if link.ended.done():
            self._lose(link)
        else:
            await self._say_farewell(link, other)
        return other

    async def _find_other(self, link: NodeLink) -> NodeLink:
        await self._must_leave.wait()
        while True:
            self._pool.put_last(link.server)
            for _ in range(len(self._pool) - 1):
                with suppress(NatsUnavailable):
                    return await self._open_link(self._pool.take())
            await self._pause(MAX_DELAY)

    def _lose(self, link: NodeLink) -> None:
        self._pool.put_last(link.server)
        self.trouble = link.ended.result()
        logger.info("the connection to NATS is lost: %s", self.trouble)

    async def _say_farewell(self, link: NodeLink, other: NodeLink | None) -> None:
        """Leave a node once it has handled all that it was sent."""
        logger.info("%s is about to end: this process goes to another", link.server)
        farewell = asyncio.create_task(_part(link))
        try:
            await asyncio.wait([farewell], timeout=FAREWELL)
        except asyncio.CancelledError:
            _abandon(other)
            raise
        finally:
            _abandon(link)
            await asyncio.wait([farewell])


async def _part(link: NodeLink) -> None:
    with suppress(NatsUnavailable):
        await link.ping(link.write)
        await link.aclose()


async def _finish(task: asyncio.Task[NodeLink]) -> NodeLink | None:
    """Cancel a task. Returns its link if it was faster."""
    task.cancel()
    await asyncio.wait([task])
    return None if task.cancelled() else task.result()


def _abandon(link: NodeLink | None) -> None:
    if link is not None:
        link.abort("it is not needed any more")
