"""Loads of connections alone: opened one after another, or kept without a word."""

from __future__ import annotations

import asyncio

from channels_bridge.bench.generator.clients import Client, Target, close_all, lost, open_all
from channels_bridge.bench.generator.gauge import Gauge, Outcome
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.loads import Connect, Idle, Load

SETTLE_SECONDS = 1.0


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
