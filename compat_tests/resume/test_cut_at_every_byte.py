"""A link may end after any byte, in any way, more than once: the page has each frame once.

``RESUME_CUT_STRIDE=1`` tries every byte, which takes minutes; otherwise every so-and-so-manieth is
tried, others for each way in which a link may end.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from compat_tests.clients.json_client import connect
from compat_tests.resume.talk.cuttable_link import Cut, CuttableLink, Direction, How
from compat_tests.resume.talk.page import DEADLINE, Page
from compat_tests.resume.talk.site.script import FRAMES, HALF, SCRIPT
from compat_tests.servers import Server, websockets_server

SITE = Path(__file__).resolve().parent / "talk" / "site"

STRIDE = int(os.environ.get("RESUME_CUT_STRIDE", "17"))

# Talks at the same time.
AT_A_TIME = 16

rooms = (f"room-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        config = {"address": f"unix:{directory}/groups.sock", "history": {"room-*": {}}}
        layer = {"BACKEND": "channels_bridge.layers.GrpcChannelLayer", "CONFIG": config}
        env = {"TALK_LAYER": json.dumps(layer)}
        with websockets_server(SITE, env=env, arguments=["--no-access-log"]) as server:
            yield server


class Sayer:
    """Has the script said."""

    def __init__(self, server: Server) -> None:
        self._address = server.address
        self._waiting: dict[tuple[object, ...], asyncio.Future[None]] = {}

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Sayer]:
        async with connect(self._address, "/say/") as self._connection:
            reading = asyncio.create_task(self._read())
            yield self
            reading.cancel()
            await asyncio.wait([reading])

    async def say(self, *what: object) -> None:
        """Have messages said in a room; returns once they are."""
        said = self._waiting[what] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps(what))
        await asyncio.wait_for(said, DEADLINE)

    async def _read(self) -> None:
        async for said in self._connection:
            self._waiting.pop(tuple(json.loads(said))).set_result(None)


async def talk(
    server: Server, sayer: Sayer, cuts: Sequence[Cut | None], *, deflate: bool = False
) -> CuttableLink:
    """Let a page listen over a link that is cut so, and compare what it has got with the script."""
    room = next(rooms)
    options = {"compression": "deflate"} if deflate else {}
    async with CuttableLink(server.port, cuts).open() as link:
        page = Page(link.address, f"/room/{room}/", **options)
        running = asyncio.create_task(page.run())
        watching = asyncio.create_task(give_up_in_silence(link, page))
        try:
            await until(page, lambda: bool(page.client.standings), f"member after {cuts}")
            await sayer.say(room, 0, HALF)
            await until_cut_or(link, page, FRAMES[HALF - 1])
            await sayer.say(room, HALF, len(SCRIPT))
            await until(page, lambda: page.log[-1:] == [FRAMES[-1]], f"end after {cuts}")
        finally:
            running.cancel()
            watching.cancel()
            await asyncio.wait([running, watching])
        assert page.log == FRAMES, cuts
        assert not page.client.complaints, cuts
        assert not page.gaps, cuts
        assert page.is_compressed == deflate, cuts
    return link


async def until(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait for something that the page is to get."""
    async with page.changed:
        waiting = page.changed.wait_for(condition)
        try:
            await asyncio.wait_for(waiting, DEADLINE)
        except asyncio.TimeoutError:
            pytest.fail(f"no {what}: {page.log}, {page.told}, {page.connections} connections")


async def until_cut_or(link: CuttableLink, page: Page, frame: str | bytes) -> None:
    """Wait until the first half is there, or cannot come on this connection."""
    there = asyncio.create_task(until(page, lambda: frame in page.log, "first half"))
    cut = asyncio.create_task(link.carried[-1].is_cut.wait())
    _, pending = await asyncio.wait([there, cut], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)


async def give_up_in_silence(link: CuttableLink, page: Page) -> None:
    """In a silent link: what a client does after two beats, without waiting for them."""
    while True:
        await link.silent.wait()
        link.silent.clear()
        page.drop()


async def cut_everywhere(
    server: Server, first: Sequence[Cut | None], direction: Direction, *, deflate: bool = False
) -> int:
    """Let a talk for each byte end there, after ``first``. Returns how many there were."""
    async with Sayer(server).connected() as sayer:
        whole = await talk(server, sayer, first, deflate=deflate)
        length = whole.carried[len(first)].bytes[direction]
        cuts = [
            Cut(direction, after, how)
            for start, how in enumerate(How)
            for after in range(start * STRIDE // len(How), length + 1, STRIDE)
        ]
        waiting = iter(cuts)

        async def work() -> None:
            for cut in waiting:
                await talk(server, sayer, [*first, cut], deflate=deflate)

        workers = [asyncio.create_task(work()) for _ in range(AT_A_TIME)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)
    return len(cuts)


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("direction", Direction, ids=lambda it: it.name)
async def test_first_connection(server: Server, direction: Direction, deflate: bool) -> None:
    """The first connection may end after any byte."""
    assert await cut_everywhere(server, [], direction, deflate=deflate) > 10


@pytest.mark.parametrize("direction", Direction, ids=lambda it: it.name)
async def test_second_connection(server: Server, direction: Direction) -> None:
    """So may the one on which the rest of the talk is made up for."""
    middle = Cut(Direction.DOWN, 400, How.RST)
    assert await cut_everywhere(server, [middle], direction) > 10
