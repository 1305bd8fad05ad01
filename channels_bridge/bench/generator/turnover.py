"""Turnover: of many connections some leave all the time, and as many others come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from channels_bridge.bench.generator.clients import Client, Target, close_all


@asynccontextmanager
async def coming_and_going(
    clients: deque[Client], target: Target, per_second: float
) -> AsyncIterator[None]:
    """Replace clients, so many a second, until the end of the block.

    Args:
        clients: connected ones, those that have been so for longest first. They are replaced here.
        target: where the new ones connect.
        per_second: how many; 0 for none.
    """
    if not per_second:
        yield
        return
    ended = asyncio.Event()
    task = asyncio.create_task(replace_all(clients, target, 1 / per_second, ended))
    try:
        yield
    finally:
        ended.set()
        await asyncio.wait([task])
        await close_all(clients)


async def replace_all(
    clients: deque[Client], target: Target, interval: float, ended: asyncio.Event
) -> None:
    """Replace one after another, and then those that have come."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while not ended.is_set():
        client = Client()
        if await target.open(client):
            clients.append(client)
            await close_all([clients.popleft()])
        due += interval  # not later and later, where opening takes its time
        await asyncio.sleep(due - loop.time())
