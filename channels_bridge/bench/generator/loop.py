"""Closed loops, within one process and from another one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

from ..loads import Loop, Outside
from .clients import connected, lost
from .gauge import Gauge, Outcome
from .ledger import latencies_ms
from .members import Member, Run
from .timing import Timing


async def loop(load: Loop, timing: Timing, gauge: Gauge) -> Outcome:
    """Publish for as long as `timing` says, and again whenever a message comes back."""
    run = Run(load, timing.port)
    async with connected(run.targets()):
        start(run)
        await asyncio.sleep(timing.warmup)
        return await finish(run, timing, gauge)


def start(run: Run) -> None:
    """Bring each block's first messages on their way."""
    run.stall()
    for member in run.publishers:
        member.loops = True
        for _ in range(run.load.window):
            member.publish()


async def finish(run: Run, timing: Timing, gauge: Gauge) -> Outcome:
    """Measure, wait for what is in flight, count."""
    outcome = Outcome(counts=run.ledger.counts)
    async with gauge.measured(outcome):
        run.measuring = True
        await asyncio.sleep(timing.seconds)
        run.measuring = False
    await run.drain()
    outcome.work = len(run.latencies)
    outcome.counts.connections_lost = lost(run.clients)
    outcome.figures = latencies_ms(run.latencies)
    return outcome


class Caller:
    """The other process that sends to groups: see `bench.caller`."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))

    def send(self, text: str) -> None:
        """Have a message sent."""
        self._socket.sendall(text.encode() + b"\n")

    def close(self) -> None:
        self._socket.close()


async def outside(load: Outside, timing: Timing, gauge: Gauge) -> Outcome:
    """A closed loop whose messages another process sends."""
    caller = Caller(timing.caller_port)
    try:
        run = Run(load, timing.port)
        redirect(run.publishers, caller)
        async with connected(run.targets()):
            start(run)
            await asyncio.sleep(timing.warmup)
            return await finish(run, timing, gauge)
    finally:
        caller.close()


def redirect(members: Iterable[Member], caller: Caller) -> None:
    """Let messages go to the caller in place of the member's own connection."""
    for member in members:
        member.send = caller.send  # type: ignore[method-assign]
