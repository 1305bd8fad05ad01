"""Clients whose consumers leave much behind in cycles, which only the garbage collector frees."""

from __future__ import annotations

import asyncio

import psutil

from channels_bridge.bench.generator.clients import Target, close_all
from compat_tests.soak.rooms import Kind
from compat_tests.soak.verdict import MIB
from compat_tests.soak.visits import PATIENCE, Visitor

#: Those that hold something at the same time, and how often.
AT_ONCE = 20
TIMES = 3

#: Bytes that a worker may hold when they have been gone for a while: tens of MiB.
BOUND = 64 * MIB

#: Seconds in which the rest comes back: minutes, where all are gone.
DEADLINE = 120.0


async def hoard(port: int) -> None:
    """Come, have something held, and go, so often that a worker cannot keep it."""
    for _ in range(TIMES):
        visitors = [Visitor(Kind()) for _ in range(AT_ONCE)]
        for visitor in visitors:
            await Target(port, "/hoard/").open(visitor)
            visitor.send("hold this")
            await asyncio.wait_for(visitor.heard.wait(), PATIENCE)
        await close_all(visitors)


def held(workers: list[psutil.Process]) -> list[int]:
    return [worker.memory_info().rss for worker in workers]


async def kept(port: int, workers: list[psutil.Process]) -> list[str]:
    """What workers still hold of it, if it is too much."""
    before = held(workers)
    await hoard(port)
    growth: list[int] = []
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DEADLINE
    while loop.time() < deadline:
        growth = [now - then for now, then in zip(held(workers), before, strict=True)]
        if max(growth) <= BOUND:
            return []
        await asyncio.sleep(0.5)
    return [
        f"worker-{number} keeps {kept / MIB:.1f} MiB of what ended connections left in cycles"
        for number, kept in enumerate(growth)
        if kept > BOUND
    ]
