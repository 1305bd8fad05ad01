"""Named queues as processes see them, without a transport around them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.nats_queues import NatsQueues
from channels_bridge.groups.nats.subjects import Subjects

_numbers = itertools.count()


class QueueProcess:
    """A connection of its own, and the queues of a project on it.

    Args:
        servers: where to.
        prefix: the project's.
        get_capacity: what the queues are told to be their capacity when they are pulled from.
    """

    def __init__(
        self,
        servers: Sequence[str],
        prefix: str,
        *,
        get_capacity: Callable[[str], int] = lambda queue: 1000,
        timeout: float = 20,
        **options: object,
    ) -> None:
        identity = os.urandom(8)
        subjects = Subjects(prefix, identity)
        self.connection = NatsConnection(
            servers,
            name=f"queues-{next(_numbers)}",
            reply_prefix=subjects.reply_prefix,
            on_message=lambda key, payload, reply: key(payload, reply),
            on_connected=lambda first: self.queues.connected(),
            **options,  # type: ignore[arg-type]
        )
        self.queues = NatsQueues(
            self.connection,
            subjects,
            get_capacity=get_capacity,
            timeout=timeout,
            unavailable=lambda reason, advice: TransportUnavailable("NATS", reason, advice),
            tell=self._tell_nobody,
        )
        self.connection.start()

    async def _tell_nobody(self, body: bytes) -> None:
        """Let nobody else know of a binding: that takes a transport."""

    async def push(
        self, queue: str, payload: bytes, *, capacity: int = 1000, expiry: float = 60
    ) -> bool:
        """Push, by default into a queue that is never full."""
        return await self.queues.push(queue, payload, capacity=capacity, expiry=expiry)

    async def aclose(self) -> None:
        """End as a process does that has the time to."""
        await self.queues.aclose()
        await self.connection.aclose()
