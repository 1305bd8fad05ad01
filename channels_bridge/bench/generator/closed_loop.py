"""Closed loops: a message is published when the one before it came back.

The members publish themselves, or have another process do it.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

from channels_bridge.bench.generator.clients import connected, lost
from channels_bridge.bench.generator.gauge import Gauge, Outcome
from channels_bridge.bench.generator.ledger import latencies_ms
from channels_bridge.bench.generator.members import Run, RunTogether
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.loads import Loop, Outside, Together


async def loop(load: Loop, timing: Timing, gauge: Gauge) -> Outcome:
    """Members publish, and again whenever a message comes back."""
    return await drive(Run(load, timing.port), timing, gauge)


async def outside(load: Outside, timing: Timing, gauge: Gauge) -> Outcome:
    """The same, but another process does the sending."""
    return await drive_outside(Run(load, timing.port), timing, gauge)


async def together(load: Together, timing: Timing, gauge: Gauge) -> Outcome:
    """The same, with one message to all groups at a time."""
    return await drive_outside(RunTogether(load, timing.port), timing, gauge)


async def drive_outside(run: Run, timing: Timing, gauge: Gauge) -> Outcome:
    """Do so, while another process sends what members publish."""
    with closing(Caller(timing.caller_port)) as caller:
        for member in run.publishers:
            member.say = caller.send
        return await drive(run, timing, gauge)


async def drive(run: Run, timing: Timing, gauge: Gauge) -> Outcome:
    """Connect, warm up, measure, wait for what is in flight, count."""
    outcome = Outcome(counts=run.ledger.counts)
    async with connected(run.targets()):
        start(run)
        await asyncio.sleep(timing.warmup)
        await gauge.measure(run, outcome, timing.seconds)
        await run.drain()
        outcome.work = len(run.latencies)
        outcome.counts.connections_lost = lost(run.clients)
        outcome.figures = latencies_ms(run.latencies)
    return outcome


def start(run: Run) -> None:
    """Bring each block's first messages on their way."""
    run.stall()
    for member in run.publishers:
        member.loops = True
        for _ in range(run.load.window):
            member.publish()


class Caller:
    """The other process that sends to groups: see ``stacks.caller``."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))

    def send(self, text: str) -> None:
        """Have a message sent."""
        self._socket.sendall(text.encode() + b"\n")

    def close(self) -> None:
        """Let the process wait for another client."""
        self._socket.close()
