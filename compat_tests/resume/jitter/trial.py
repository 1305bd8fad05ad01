"""One server under one profile, with clients who write down what they get."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from channels_bridge.bench.stacks.sites import Site
from compat_tests.clients.raw_connection import RawConnection
from compat_tests.resume.jitter.arrivals import Score, score
from compat_tests.resume.jitter.contestants import Contestant, Served
from compat_tests.resume.jitter.harm import CpuMeter, Killer
from compat_tests.resume.jitter.page import Page
from compat_tests.resume.jitter.profile import Profile
from compat_tests.resume.jitter.speakers import text_of

# Clients that connect at the same time, in the beginning; and how long that may take, in seconds.
AT_A_TIME = 25
ALL_THERE = 120

# Seconds at the end in which the network is a good one.
CALM = 8

Publish = Callable[[int], Awaitable[bool]]
"""Publishes the message with a number; returns whether that was done."""


@dataclass
class Outcome:
    """What came of it.

    Args:
        score: of all clients together.
        refused: messages whose sender was told that they may not arrive.
        killed: how many processes.
        cpu_us: CPU time of the server's processes for each delivery.
        requests: how much the hub or broker was asked; None where nobody knows.
    """

    score: Score = field(default_factory=Score)
    refused: int = 0
    killed: int = 0
    cpu_us: float = 0
    requests: int | None = None


def attempt(contestant: Contestant, site: Site, profile: Profile, clients: int) -> Outcome:
    """Serve with fresh processes, and let clients come and go."""
    with (
        tempfile.TemporaryDirectory(prefix="cb-jitter-") as name,
        contestant.serve(site, Path(name)) as served,
    ):
        return asyncio.run(Trial(contestant, served, profile, clients).run())


class Trial:
    """A server that runs, and its clients.

    Args:
        contestant: what it is.
        served: as what it runs.
        profile: what happens.
        clients: how many there are.
    """

    def __init__(
        self, contestant: Contestant, served: Served, profile: Profile, clients: int
    ) -> None:
        address = f"127.0.0.1:{served.port}"
        self._served = served
        self._profile = profile
        self._pages = [
            Page(address, contestant.speaker(), profile, random.Random(number))
            for number in range(clients)
        ]
        faults = (
            (served.workers, profile.worker_every),
            (served.hubs, profile.hub_every if served.hubs is not list else 0),
        )
        self._killers = [Killer(find, seconds) for find, seconds in faults if seconds]
        self._published: dict[int, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> Outcome:
        """From the first connection to the last message."""
        try:
            await self._all_come()
            async with publishing(self._served) as publish:
                return await self._measure(publish)
        finally:
            await end(self._tasks)

    async def _all_come(self) -> None:
        for first in range(0, len(self._pages), AT_A_TIME):
            pages = self._pages[first : first + AT_A_TIME]
            self._tasks += [asyncio.create_task(page.run()) for page in pages]
            coming = asyncio.gather(*(page.is_there.wait() for page in pages))
            await asyncio.wait_for(coming, ALL_THERE)

    async def _measure(self, publish: Publish) -> Outcome:
        meter = CpuMeter(self._served.pids)
        before = self._served.requests()
        async with side_tasks(meter.run(), *(killer.run() for killer in self._killers)):
            await self._publish_all(publish)
            await asyncio.sleep(max(self._profile.settle - CALM, 0))
        for page in self._pages:
            page.calm_down()
        await asyncio.sleep(min(self._profile.settle, CALM))
        return self._judge(meter.used, before)

    async def _publish_all(self, publish: Publish) -> None:
        begin = time.monotonic()
        for number in range(1, self._profile.messages + 1):
            due = begin + number / self._profile.rate
            await asyncio.sleep(max(due - time.monotonic(), 0))
            if number == self._profile.messages * 3 // 4:
                await self._until_all_is_broken()
            if await publish(number):
                self._published[number] = time.monotonic()

    async def _until_all_is_broken(self) -> None:
        """Wait for the first of each kind of fault: on a slow machine it may not be there yet."""
        waiting = (killer.has_begun.wait() for killer in self._killers)
        await asyncio.wait_for(asyncio.gather(*waiting), ALL_THERE)

    def _judge(self, cpu: float, before: int | None) -> Outcome:
        outcome = Outcome(
            refused=self._profile.messages - len(self._published),
            killed=sum(killer.killed for killer in self._killers),
        )
        for page in self._pages:
            outcome.score += score(page.happenings, self._published)
        outcome.cpu_us = cpu * 1e6 / max(outcome.score.delivered, 1)
        after = self._served.requests()
        if before is not None and after is not None and not self._profile.hub_every:
            outcome.requests = after - before
        return outcome


@asynccontextmanager
async def publishing(served: Served) -> AsyncIterator[Publish]:
    """What sends messages to the group, until the end of the block."""
    if served.environment is None:
        yield lambda number: post(served.port, text_of(number))
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "compat_tests.resume.jitter.publisher"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=served.environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()  # it has started
        yield lambda number: say(process, text_of(number))
    finally:
        process.stdin.close()
        await process.wait()


async def say(process: asyncio.subprocess.Process, text: str) -> bool:
    """Let a process send a message; return whether it did."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{text}\n".encode())
    answer = await process.stdout.readline()
    assert answer, "the publisher has ended"
    return answer == b"\n"


async def post(port: int, text: str) -> bool:
    """Post a message to the server; return whether it said that it has it."""
    head = f"POST /publish HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(text)}"
    try:
        async with RawConnection(f"127.0.0.1:{port}") as connection:
            answer = await connection.request(f"{head}\r\n\r\n{text}".encode())
    except (OSError, asyncio.TimeoutError):
        return False
    return b" 204 " in answer.partition(b"\r\n")[0]


@asynccontextmanager
async def side_tasks(*coroutines: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run coroutines that have no end until the end of the block."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        await end(tasks)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """End tasks, and pass on what went wrong in one of them."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
