"""Open loops: messages are due at fixed times, whether or not the servers keep up.

A latency counts from when its message was due. So a pause makes all messages late that were due in
it, where a closed loop would just have published fewer.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from itertools import cycle

from channels_bridge.bench.generator.clients import Client, Target, connected, lost
from channels_bridge.bench.generator.closed_loop import start
from channels_bridge.bench.generator.gauge import Gauge, Outcome
from channels_bridge.bench.generator.ledger import latencies_ms
from channels_bridge.bench.generator.members import Run
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.generator.turnover import coming_and_going
from channels_bridge.bench.loads.loads import Rate

#: Seconds. 0 would switch the alarm off.
SHORTEST_ALARM = 1e-5
#: Of a closed loop, for what a stack manages.
PROBE_SECONDS = 2.0
#: Between messages. A consumer that sleeps one second for each can keep up.
BUSY_SECONDS = 2.0


async def rate(load: Rate, timing: Timing, gauge: Gauge) -> Outcome:
    """Publish at a fixed rate."""
    per_second = load.rate or await capacity(load, timing) / 2
    run = Run(load, timing.port)
    quiet = deque(Client() for _ in range(load.idle))
    target = Target(timing.port, load.idle_path)
    async with (
        connected([(client, target) for client in quiet]),
        connected(run.targets()),
        busy(load, timing.port),
        coming_and_going(quiet, target, load.turnover),
    ):
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
    await gauge.measure(run, outcome, timing.seconds)
    schedule.cancel()
    await asyncio.wait([schedule])
    await run.drain()
    outcome.work = len(run.latencies)
    late = latencies_ms(run.late)["p99_ms"]
    outcome.figures = {**latencies_ms(run.latencies), "late_ms": late}
    return outcome


async def keep(run: Run, rate: float, seconds: float) -> None:
    """Publish each message when it is due, by the blocks in turn, for ``seconds`` at most."""
    members = cycle(run.publishers)
    with alarm() as until:
        begin = time.perf_counter()
        for number in range(int(seconds * rate)):
            due = begin + number / rate
            await until(due)
            if run.measuring:
                run.late.append(time.perf_counter() - due)
            next(members).publish(due)


@contextmanager
def alarm() -> Iterator[Callable[[float], Awaitable[None]]]:
    """Give a function that waits until a time of ``time.perf_counter()``.

    Unlike the timers of event loops, which count milliseconds, the system's alarm is exact.
    """
    loop, rung = asyncio.get_running_loop(), asyncio.Event()

    async def until(due: float) -> None:
        await asyncio.sleep(0)  # a generator that is late still has to read
        while (left := due - time.perf_counter()) > 0:
            rung.clear()
            signal.setitimer(signal.ITIMER_REAL, max(left, SHORTEST_ALARM))
            await rung.wait()

    loop.add_signal_handler(signal.SIGALRM, rung.set)
    try:
        yield until
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        loop.remove_signal_handler(signal.SIGALRM)


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
