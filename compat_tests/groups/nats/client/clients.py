"""A connection to NATS that remembers what has come."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from compat_tests.groups.hubs import soon, until

_numbers = itertools.count()


class Client:
    """A connection, with what it was told.

    Args:
        servers: where to.
        options: of the connection.

    Attributes:
        received: key, payload and reply of each message.
        greetings: what ``on_connected`` was called with.
        changes: how often the cluster has changed.
    """

    def __init__(self, servers: Sequence[str], **options: Any) -> None:
        self.received: list[tuple[Any, bytes, bytes]] = []
        self.greetings: list[bool] = []
        self.changes = 0
        self.name = options.pop("name", f"client-{next(_numbers)}")
        self.connection = NatsConnection(
            servers,
            name=self.name,
            reply_prefix=f"replies.{self.name}",
            on_connected=self.greetings.append,
            on_changed=self._change,
            **{"on_message": self._receive, **options},
        )

    def _receive(self, *message: Any) -> None:
        self.received.append(message)

    def _change(self) -> None:
        self.changes += 1

    @property
    def payloads(self) -> list[bytes]:
        """What has come, without keys and replies."""
        return [payload for _, payload, _ in self.received]

    async def connect(self) -> None:
        """Start, and wait until a node has greeted."""
        self.connection.start()
        await until(lambda: self.connection.connected)

    async def be_refused(self) -> str:
        """Connect to a node that refuses; return what no waiting heals, and close."""
        self.connection.start()
        await until(lambda: self.connection.refusal is not None)
        refusal = self.connection.refusal
        assert refusal is not None and refusal == self.connection.trouble
        await self.connection.aclose()
        return refusal

    async def be_troubled(self, words: str) -> str:
        """Connect to a node that can't be used; return what is said that has these words."""
        self.connection.start()
        await until(lambda: words in (self.connection.trouble or ""))
        trouble = self.connection.trouble or ""
        await self.connection.aclose()
        return trouble

    async def subscribe(self, *subjects: str) -> None:
        """Subscribe to subjects, each its own key, and wait until they are in force."""
        for subject in subjects:
            self.connection.subscribe(subject, subject)
        await soon(self.connection.flush(10))

    async def receive(self, count: int) -> list[bytes]:
        """Wait for so many messages, and return the payloads of all that have come."""
        await until(lambda: len(self.received) >= count)
        return self.payloads
