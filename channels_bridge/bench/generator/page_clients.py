"""Pages in a closed loop: each connection asks again once it has its answer."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import cast

from channels_bridge.bench.generator.gauge import Gauge, Outcome
from channels_bridge.bench.generator.ledger import Counts, latencies_ms
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.loads import Pages

#: After the last request. What is missing then is lost.
DRAIN_SECONDS = 10.0

END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


async def pages(load: Pages, timing: Timing, gauge: Gauge) -> Outcome:
    """Ask for pages, measure, wait for those that were asked for, count."""
    visit = Visit(load, timing.port)
    outcome = Outcome(counts=visit.counts)
    clients = [await visit.open() for _ in range(load.connections)]
    for client in clients:
        client.ask()
    await asyncio.sleep(timing.warmup)
    await gauge.measure(visit, outcome, timing.seconds)
    await visit.drain()
    visit.counts.connections_lost = sum(client.is_lost for client in clients)
    await asyncio.wait([asyncio.ensure_future(client.aclose()) for client in clients])
    outcome.work = len(visit.latencies)
    outcome.figures = latencies_ms(visit.latencies)
    return outcome


class Visit:
    """The state that all connections share.

    Args:
        load: what is run.
        port: where the servers listen.
    """

    def __init__(self, load: Pages, port: int) -> None:
        self.counts = Counts()
        self.latencies: list[float] = []  # of the pages that came while it was measuring
        self.measuring = False
        self.asking = True
        self.complete = asyncio.Event()  # once it isn't asking, and all has come
        self._port = port
        self.request = request(load, port)

    async def open(self) -> PageClient:
        """Open one connection."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: PageClient(self), "127.0.0.1", self._port)
        return client

    def came(self, seconds: float, *, right: bool) -> None:
        """Note an answer, and how long it took."""
        self.counts.delivered += right
        if self.measuring:
            self.latencies.append(seconds)
        self.settle()

    def settle(self) -> None:
        """End the wait for what was asked for, if all is there."""
        if not self.asking and self.counts.delivered >= self.counts.expected:
            self.complete.set()

    async def drain(self) -> None:
        """Ask for nothing more, and wait for what was asked for."""
        self.asking = False
        self.settle()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.complete.wait(), DRAIN_SECONDS)


class PageClient(asyncio.Protocol):
    """One connection, on which one request follows the answer to the other.

    Args:
        visit: what it is part of.
    """

    def __init__(self, visit: Visit) -> None:
        self._lost = asyncio.Event()
        self._visit = visit
        self._transport: asyncio.Transport
        self._asked = 0.0
        self._answer = b""  # as much as there is

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost.is_set()

    async def aclose(self) -> None:
        """End the connection."""
        self._transport.close()
        await self._lost.wait()

    def ask(self) -> None:
        """Ask for the page."""
        if not self.is_lost:
            self._visit.counts.expected += 1
            self._asked = time.perf_counter()
            self._transport.write(self._visit.request)

    def data_received(self, data: bytes) -> None:
        """Note the answer once it is whole, and ask for the next one."""
        self._answer += data
        if not is_whole(self._answer):
            return
        answer, self._answer = self._answer, b""
        right = answer.startswith(b"HTTP/1.1 200 ")
        self._visit.came(time.perf_counter() - self._asked, right=right)
        if self._visit.asking:
            self.ask()


def request(load: Pages, port: int) -> bytes:
    """What is sent for a page: about as much as browsers send."""
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Connection": "keep-alive",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language": "en-US,en;q=0.9",
        "Accept-Encoding": "gzip, deflate, br, zstd",
        "Sec-Fetch-Dest": "document",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Site": "same-origin",
        **dict(load.headers),
    }
    lines = [f"GET {load.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def is_whole(answer: bytes) -> bool:
    """Whether all of an answer has come: as much as its head says, or up to the last chunk."""
    end = answer.find(END_OF_HEAD)
    if end < 0:
        return False
    length = LENGTH.search(answer, 0, end + len(END_OF_HEAD))
    if length is None:
        return answer.endswith(b"\r\n0\r\n\r\n")
    return len(answer) >= end + len(END_OF_HEAD) + int(length[1])
