"""The heartbeat of a child: a report from its event loop that the loop runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from channels_bridge.server.child.pipe import ChildEnd
from channels_bridge.server.config import ServerConfig

#: Heartbeats within ``worker_timeout``, where they are not a second apart: enough for a few to be
#: late on a busy machine.
STEPS = 10


def interval(config: ServerConfig) -> float:
    """Seconds between two heartbeats; 0: there are none.

    With ``reload``, somebody may sit in a debugger, where everything waits as long as it takes.
    """
    return 0 if config.reload else min(1.0, config.worker_timeout / STEPS)


@contextlib.asynccontextmanager
async def beating(channel: ChildEnd, config: ServerConfig) -> AsyncIterator[None]:
    """Report from the running loop, as long as the block runs."""
    task = asyncio.create_task(_beat(channel, interval(config)), name="heartbeat")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _beat(channel: ChildEnd, seconds: float) -> None:
    while seconds:
        channel.beat()
        await asyncio.sleep(seconds)
