"""Waiting for a node, and saying why there is no answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.reconnection import MAX_DELAY
from channels_bridge.groups.nats.node_check import explain_unfit

#: Seconds that others have to ask for what they have missed, where something may have been.
LINGER = 0.3

#: Seconds in which processes come back to a node: their longest pause between attempts, and one.
RETURN = MAX_DELAY + 0.5


class NodeReach:
    """What calls wait for, at any node.

    Args:
        connection: the connection.
        servers: where nodes were expected, for errors.
        timeout: how many seconds calls wait.
    """

    def __init__(self, connection: NatsConnection, servers: Sequence[str], timeout: float) -> None:
        self._connection = connection
        self._servers = servers
        self._timeout = timeout
        self._calls: dict[object, float] = {}  # since when each waits

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._calls)

    @property
    def lag(self) -> float:
        """For how many seconds the oldest of them has waited; 0 where there is none."""
        # As a list at once: other threads may ask.
        return max((time.monotonic() - since for since in list(self._calls.values())), default=0.0)

    async def room(self) -> None:
        """Wait while too much waits for the node (back pressure).

        Raises:
            TransportUnavailable: that takes too long.
        """
        if self._connection.is_full:
            with self.calling():
                await self._connection.wait_for_room(self._timeout)

    async def be_sure(self) -> None:
        """Return once the node has what was published, or those who miss it have it.

        Raises:
            NatsUnavailable: that takes too long.
        """
        reconnects = self._connection.reconnects
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                await self._connection.flush(max(deadline - time.monotonic(), 0))
                break
            except NatsUnavailable:
                if time.monotonic() >= deadline:
                    raise
        if self._connection.reconnects != reconnects:
            # A link has ended, perhaps with what was published in it. Now others learn of it, and
            # ask for it.
            await asyncio.sleep(LINGER)

    async def others_return(self) -> bool:
        """Wait for those who come back later than this process to a node that was away just now.

        Returns:
            Whether there may have been any.
        """
        left = self._connection.returned_at + RETURN - time.monotonic()
        await asyncio.sleep(max(left, 0))
        return left > 0

    def require(self, action: str) -> None:
        """Check that the node can be used, and allows something.

        Args:
            action: such as ``publish to mysite.g.news``.

        Raises:
            NatsUnavailable: it doesn't.
        """
        if (unfit := explain_unfit(self._connection.info)) is not None:
            raise unfit
        if (advice := self._connection.denied.get(action)) is not None:
            raise NatsUnavailable(f"it does not let this process {action}", advice)

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """Count a call that waits within this block, and raise what callers of a layer know.

        Raises:
            TransportUnavailable: for NatsUnavailable.
        """
        call = object()
        self._calls[call] = time.monotonic()
        try:
            yield
        except NatsUnavailable as error:
            raise self.unavailable(error.reason, error.advice) from None
        finally:
            del self._calls[call]

    def unavailable(self, reason: str, advice: str) -> TransportUnavailable:
        """Make the error that callers of a layer know."""
        return TransportUnavailable(", ".join(self._servers), reason, advice, peer="NATS")
