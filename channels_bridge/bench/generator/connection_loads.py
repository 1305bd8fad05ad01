"""Loads of connections as such: opened, kept without a word, or made members of many groups."""

from __future__ import annotations

import asyncio
import time

from channels_bridge.bench.generator.clients import (
    Client,
    Target,
    close_all,
    connected,
    lost,
    open_all,
)
from channels_bridge.bench.generator.gauge import Gauge, Outcome
from channels_bridge.bench.generator.members import Run
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.loads import QUIET, Connect, Idle, Join, Load

SETTLE_SECONDS = 1.0
#: Connections that are opened before any is measured.
STARTERS = 10


async def connect(load: Connect, timing: Timing, gauge: Gauge) -> Outcome:
    """Open connections; those of the warm-up don't count."""
    outcome = Outcome()
    warmup = clients(load, timing.port, load.warmup)
    counted = clients(load, timing.port, load.connections)
    await open_all(warmup)
    async with gauge.measured(outcome):
        await open_all(counted)
    return await finish(outcome, [client for client, _ in [*warmup, *counted]], load.connections)


async def idle(load: Idle, timing: Timing, gauge: Gauge) -> Outcome:
    """Open connections, and keep them without a word. The first ones don't count."""
    outcome = Outcome()
    warmup = clients(load, timing.port, load.connections // 20)
    counted = clients(load, timing.port, load.connections)
    await open_all(warmup)
    await asyncio.sleep(SETTLE_SECONDS)
    async with gauge.measured(outcome):
        await open_all(counted)
        await asyncio.sleep(SETTLE_SECONDS)
    return await finish(outcome, [client for client, _ in [*warmup, *counted]], load.connections)


async def join(load: Join, timing: Timing, gauge: Gauge) -> Outcome:
    """Have all groups joined, which is before a connection is accepted, and look whether they are.

    Connections that are in no group come first: what only the first ones cost doesn't count.
    """
    run = Run(load, timing.port)
    outcome = Outcome(counts=run.ledger.counts, work=load.groups)
    async with connected([(Client(), Target(timing.port, QUIET)) for _ in range(STARTERS)]):
        await asyncio.sleep(SETTLE_SECONDS)
        async with gauge.measured(outcome):
            start = time.perf_counter()
            await open_all(run.targets())
            outcome.figures["in_force_s"] = time.perf_counter() - start
            await asyncio.sleep(SETTLE_SECONDS)
        await probe(run, load.probes)
    outcome.counts.connections_lost = lost(run.clients)
    await close_all(run.clients)
    return outcome


async def probe(run: Run, messages: int) -> None:
    """Publish so many messages to groups of each block, and wait for what comes of them."""
    for member in run.publishers:
        for _ in range(messages):
            member.publish()
        await asyncio.sleep(0)
    await run.drain()


def clients(load: Load, port: int, count: int) -> list[tuple[Client, Target]]:
    """Clients, and where they go."""
    paths = map(load.path_of, range(count))
    return [(Client(), Target(port, path, load.headers, load.deflate)) for path in paths]


async def finish(outcome: Outcome, clients: list[Client], work: int) -> Outcome:
    """Count the connections, and close them."""
    outcome.counts.connections_lost = lost(clients)
    outcome.work = work - outcome.counts.connections_lost
    await close_all(clients)
    return outcome
