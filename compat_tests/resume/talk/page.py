"""Who listens: a page with a client of the protocol, which connects again at once."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from compat_tests.clients.json_client import connect
from compat_tests.resume.protocol_client import Frame, ProtocolClient, Told

# Seconds that anything may take.
DEADLINE = 30


class Page:
    """One page.

    Args:
        address: of the server, ``host:port``.
        path: of the WebSocket.
        options: of the library's client.

    Attributes:
        client: its protocol.
        log: the payloads that it was given, in order.
        told: control messages.
        changed: notified when one of these grows, and when a connection opens or ends.
        connections: how many it has asked for.
        is_compressed: whether the last one uses permessage-deflate.
    """

    def __init__(self, address: str, path: str, **options: Any) -> None:
        self.client = ProtocolClient()
        self.log: list[str | bytes] = []
        self.told: list[Told] = []
        self.changed = asyncio.Condition()
        self.connections = 0
        self.is_compressed = False
        self._address = address
        self._path = path
        self._options = options
        self._visit: asyncio.Task[None] | None = None

    @property
    def gaps(self) -> list[Told]:
        """What it was told of missing messages."""
        return [told for told in self.told if told.is_gap]

    async def run(self) -> None:
        """Be connected, again and again, until cancelled."""
        while True:
            self._visit = asyncio.create_task(self._be_there())
            try:
                await asyncio.wait([self._visit])
            finally:
                self._visit.cancel()
                await asyncio.wait([self._visit])
            if not self._visit.cancelled():
                self._visit.result()

    def drop(self) -> None:
        """Give the connection up, as a client does that has heard nothing for too long."""
        if self._visit is not None:
            self._visit.cancel()

    async def _be_there(self) -> None:
        self.connections += 1
        path = f"{self._path}?{self.client.begin()}"
        with contextlib.suppress(
            ConnectionClosed, InvalidHandshake, InvalidMessage, OSError, EOFError
        ):
            connecting = connect(self._address, path, open_timeout=DEADLINE, **self._options)
            async with connecting as connection:
                self.is_compressed = bool(connection.protocol.extensions)
                try:
                    async for data in connection:
                        await self._hear(data)
                finally:
                    connection.transport.abort()  # no closing handshake on a link that is silent

    async def _hear(self, data: str | bytes) -> None:
        heard = self.client.hear(data)
        async with self.changed:
            if isinstance(heard, Frame):
                self.log.append(heard.payload)
            else:
                self.told.append(heard)
            self.changed.notify_all()
