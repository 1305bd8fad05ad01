"""nats-py as the other side of a test."""

from __future__ import annotations

from nats.aio.client import Client


async def flush(client: Client) -> None:
    """Return once the node has handled all that was asked for.

    nats-py writes a PING before what still waits to be written. That is written when the PONG is
    here, so another PING comes behind it.
    """
    await client.flush()
    await client.flush()
