"""What most clients do."""

from __future__ import annotations

from typing import Any

from compat_tests.differences.client import Client
from compat_tests.differences.limits import PATIENCE
from compat_tests.differences.scenario import Script


async def handshake(client: Client) -> None:
    """Make the handshake and leave."""
    if await client.connect():
        await client.close()


def says(
    *messages: str | bytes, receive: int = 0, patience: float = PATIENCE, **options: Any
) -> Script:
    """Send messages; receive some; then wait for the server to close."""

    async def client(client: Client) -> None:
        if await client.connect(**options):
            await client.send(*messages)
            await client.receive(receive)
            await client.closed(patience)

    return client


def leaves(*messages: str | bytes, receive: int = 0, **options: Any) -> Script:
    """Send messages; receive some; then close."""

    async def client(client: Client) -> None:
        if await client.connect(**options):
            await client.send(*messages)
            await client.receive(receive)
            await client.close()

    return client
