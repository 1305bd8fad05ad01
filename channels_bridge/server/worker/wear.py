"""Worker recycling: a worker that has served enough, or takes too much memory, says so.

What libraries leak ends with the process. The supervisor replaces such a worker as in a reload, one
at a time (``supervisor/recycling.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator

from channels_bridge.server.child.pipe import ChildEnd
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.counters import Counters
from channels_bridge.server.errors import StartupError

#: Seconds between two looks: a limit may be passed by what happens in one.
INTERVAL = 1.0

MIB = 2**20


@contextlib.asynccontextmanager
async def watching_wear(
    config: ServerConfig, counters: Counters, channel: ChildEnd
) -> AsyncIterator[None]:
    """Tell the supervisor when a limit is passed, once.

    Raises:
        StartupError: the worker takes too much memory already, or that can't be known.
    """
    if not (config.max_requests or config.workers_max_rss):
        yield
        return
    require_room(config)
    task = asyncio.create_task(_watch(config, counters, channel), name="wear")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def require_room(config: ServerConfig) -> None:
    """Refuse a limit that each worker would pass at once, and be replaced for ever."""
    if not config.workers_max_rss:
        return
    try:
        taken = resident_memory()
    except OSError:
        raise StartupError(
            "--workers-max-rss needs /proc, where Linux tells the memory of a process"
        ) from None
    if taken >= config.workers_max_rss * MIB:
        raise StartupError(
            f"--workers-max-rss is {config.workers_max_rss} MiB, but a worker takes "
            f"{taken / MIB:.0f} MiB before it has served anybody: allow twice that"
        )


async def _watch(config: ServerConfig, counters: Counters, channel: ChildEnd) -> None:
    # Random, so that workers that were started together aren't worn together.
    most = config.max_requests and config.max_requests + random.randint(
        0, config.max_requests_jitter
    )
    why = ""
    while not why:
        await asyncio.sleep(INTERVAL)
        if most and counters.pages + counters.handshakes.total() >= most:
            why = "requests"
        elif config.workers_max_rss and _takes_more_than(config.workers_max_rss * MIB):
            why = "memory"
    channel.worn(why)


def _takes_more_than(most: int) -> bool:
    try:
        return resident_memory() > most
    except OSError:  # no descriptor is left: in the next look
        return False


def resident_memory() -> int:
    """Bytes of this process that are in memory (RSS). Raises OSError where nobody tells."""
    with open("/proc/self/statm", "rb") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
