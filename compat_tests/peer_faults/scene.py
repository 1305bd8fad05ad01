"""A stack that serves, its clients, and what can be seen of both."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil

from compat_tests.peer_faults.brokers import Broker
from compat_tests.peer_faults.clients import PATIENCE, Member, Publisher, get
from compat_tests.peer_faults.stacks import WORKERS, Stack
from compat_tests.servers import Server

MOST_TRIES = 20  # until all workers have members
MEMBERS = 8
ALIVE = 4  # of them, where a fault is about the others
QUIET_SECONDS = 4  # without a message: none comes any more
LEVEL = re.compile(r"\b(INFO|WARNING|ERROR|CRITICAL)\b")
MEGABYTE = 1_000_000


class Scene:
    """What a fault happens to.

    Attributes:
        server: it serves the site.
        broker: what it needs for groups.
        members: clients that ``join`` has brought; those that a fault adds are its own.
    """

    def __init__(self, stack: Stack, server: Server, broker: Broker, journal: Path) -> None:
        self.stack = stack
        self.server = server
        self.broker = broker
        self.members: list[Member] = []
        self._journal = journal
        self._log_start = 0
        self._numbers = itertools.count()

    @property
    def address(self) -> str:
        return self.server.address

    async def join(self, count: int = MEMBERS) -> list[Member]:
        """Have ``count`` clients join, as many of each worker."""
        share = count // WORKERS
        found: defaultdict[int, list[Member]] = defaultdict(list)
        for _ in range(MOST_TRIES):
            for member in await asyncio.gather(*(Member.join(self.address) for _ in range(count))):
                found[member.pid].append(member)
            if sum(len(members) >= share for members in found.values()) == WORKERS:
                break
        else:
            raise RuntimeError(f"not all workers get connections: {list(found)}")
        self.members = [member for members in found.values() for member in members[:share]]
        extra = [member for members in found.values() for member in members[share:]]
        await asyncio.gather(*(member.leave() for member in extra))
        await self.until(lambda: len(self.disconnects(extra)) == len(extra))
        return self.members

    async def leave(self) -> None:
        """Have everybody go."""
        await asyncio.gather(*(member.leave() for member in self.members))

    def pids(self) -> set[int]:
        """The server's processes but the main one."""
        return {child.pid for child in self.server.children()}

    def of(self, pid: int) -> list[Member]:
        """The members that a worker serves."""
        return [member for member in self.members if member.pid == pid]

    async def publish(self, count: int = 1, **content: object) -> list[int]:
        """Send messages to the group, one by one. Returns their numbers.

        Raises:
            Refused: one was not sent; there are other errors, as of ``get``.
        """
        numbers = list(itertools.islice(self._numbers, count))
        for number in numbers:
            await get(self.address, "/publish/", number=number, **content)
        return numbers

    @asynccontextmanager
    async def load(self) -> AsyncIterator[Publisher]:
        """Have messages sent to the group all the time, until the end of the block."""
        publisher = Publisher(self.address, self._numbers)
        try:
            yield publisher
        finally:
            await publisher.finish()

    async def arrive(self, numbers: Sequence[int], members: Sequence[Member] | None = None) -> int:
        """Wait until members have all these messages, or none comes any more.

        Args:
            numbers: of the messages.
            members: who should get them; all, by default. Who is closed does not count.

        Returns:
            how many did not come, counted for each member.
        """

        def missing() -> int:
            there = [member for member in members or self.members if member.is_open]
            return sum(not member.got[number] for member in there for number in numbers)

        left = missing()
        while left and await self.until(lambda before=left: missing() < before, QUIET_SECONDS):
            left = missing()
        return left

    async def until(self, condition: Callable[[], object], deadline: float = PATIENCE) -> bool:
        """Wait until the condition is true; returns whether it came true in ``deadline``
        seconds.
        """
        end = time.monotonic() + deadline
        while not condition():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.02)
        return True

    def disconnects(self, members: Iterable[Member]) -> list[int]:
        """The codes that their consumers' ``disconnect()`` was called with."""
        calls = map(json.loads, self._journal.read_text().splitlines())
        channels = {member.channel for member in members}
        return [call["code"] for call in calls if call["channel"] in channels]

    async def names(self) -> tuple[int, int]:
        """How many names the group has, and how many seconds they are kept at most."""
        answers: dict[int, dict[str, int]] = {}
        for _ in range(MOST_TRIES):
            # At the same time: alone, all might be given to the worker that has the least to do.
            pages = await asyncio.gather(*(get(self.address, "/names/") for _ in range(20)))
            for page in pages:
                answer = json.loads(page)
                answers[answer["pid"]] = answer
            if len(answers) == WORKERS:
                break
        else:
            raise RuntimeError(f"not all workers answer: {answers}")
        own = sum(answer["own"] for answer in answers.values())
        return own + answer["shared"], answer["seconds"]

    def memory(self) -> float:
        """MB in the memory of the server's processes and of the broker."""
        processes = self.server.processes()
        own = sum(process.memory_info().rss for process in processes)
        return (own + self.broker.memory()) / MEGABYTE

    def quiet(self) -> None:
        """Forget what the log has said so far."""
        self._log_start = len(self.server.log())

    def said(self, pattern: str) -> str:
        """How many lines the log has since that match, by level."""
        lines = self.server.log()[self._log_start :].splitlines()
        levels = [LEVEL.search(line) for line in lines if re.search(pattern, line)]
        counts = Counter(level[0] for level in levels if level)
        return ", ".join(f"{count} × {level}" for level, count in counts.items()) or "nothing"


@contextmanager
def staged(stack: Stack, pings: int | None = None) -> Iterator[Scene]:
    """A scene on a stack that is started for it, and killed at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="cb-faults-") as name:
        directory = Path(name)
        with stack.run(directory, pings) as (server, broker):
            try:
                yield Scene(stack, server, broker, directory / "journal")
            finally:
                kill(server)


def kill(server: Server) -> None:
    """End a server at once; how it ends by itself is what some of the faults are about."""
    for process in server.processes():
        with suppress(psutil.NoSuchProcess):
            process.kill()


def codes(codes: Iterable[int | None]) -> str:
    """How often there was which close code."""
    counts = Counter(codes)
    return ", ".join(f"{count} × {code}" for code, count in counts.items()) or "none"


def right(names: int) -> str:
    """A number of names, and what it should be."""
    return f"{names} ({ALIVE} are right)"
