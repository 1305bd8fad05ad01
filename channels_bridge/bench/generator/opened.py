"""Open loops: messages are due at fixed times, whether or not the servers keep up.

A latency counts from when its message was due. So a pause makes all messages late that were due in
it, where a closed loop would just have published fewer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle

from ..loads import Rate
from .clients import Client, Target, connected, lost
from .closed import start
from .gauge import Gauge, Outcome
from .ledger import latencies_ms
from .members import Run
from .timing import Timing

PROBE_SECONDS = 2.0  # of a closed loop, for what a stack manages
BUSY_SECONDS = 2.0  # a consumer that sleeps one second of them can keep up
QUIET = "/ws/echo/"


async def rate(load: Rate, timing: Timing, gauge: Gauge) -> Outcome:
    """Publish at a fixed rate."""
    per_second = load.rate or await capacity(load, timing) / 2
    run = Run(load, timing.port)
    quiet = [Client() for _ in range(load.idle)]
    targets = [(client, Target(timing.port, QUIET)) for client in quiet]
    async with connected(targets), connected(run.targets()), busy(load, timing.port):
        outcome = await publish(run, per_second, timing, gauge)
        outcome.counts.connections_lost = lost([*run.clients, *quiet])
        return outcome


async def capacity(load: Rate, timing: Timing) -> float:
    """Messages per second that the stack manages in a closed loop."""
    run = Run(replace(load, window=2), timing.port)
    async with connected(run.targets()):
        start(run)
        await asyncio.sleep(timing.warmup)
        before = run.ledger.counts.delivered
        await asyncio.sleep(PROBE_SECONDS)
        deliveries = run.ledger.counts.delivered - before
        await run.drain()
    return max(deliveries / PROBE_SECONDS / run.ledger.readers, 1.0)


async def publish(run: Run, rate: float, timing: Timing, gauge: Gauge) -> Outcome:
    """Warm up, measure, wait for what is in flight."""
    schedule = asyncio.create_task(keep(run, rate, timing.warmup + timing.seconds + 1))
    await asyncio.sleep(timing.warmup)
    outcome = Outcome(counts=run.ledger.counts)
    async with gauge.measured(outcome):
        run.measuring = True
        await asyncio.sleep(timing.seconds)
        run.measuring = False
    schedule.cancel()
    await asyncio.wait([schedule])
    await run.drain()
    outcome.work = len(run.latencies)
    outcome.figures = {**latencies_ms(run.latencies), "offered": rate * run.ledger.readers}
    return outcome


async def keep(run: Run, rate: float, seconds: float) -> None:
    """Publish each message when it is due, by the blocks in turn, for `seconds` at most."""
    members = cycle(run.publishers)
    begin = time.perf_counter()
    for number in range(int(seconds * rate)):
        due = begin + number / rate
        await asyncio.sleep(max(0, due - time.perf_counter()))
        next(members).publish(due)


@asynccontextmanager
async def busy(load: Rate, port: int) -> AsyncIterator[None]:
    """Keep one consumer at work beside the others, if the load has it."""
    if not load.busy:
        yield
        return
    client = Client()
    async with connected([(client, Target(port, load.busy))]):
        task = asyncio.create_task(keep_busy(client))
        yield
        task.cancel()
        await asyncio.wait([task])


async def keep_busy(client: Client) -> None:
    """Send something to do, for as long as the connection lasts."""
    while client.transport is not None:
        client.send("work")
        await asyncio.sleep(BUSY_SECONDS)
