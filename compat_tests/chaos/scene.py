"""A server, its clients, and what happens to them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from channels_bridge.server.monitoring.control_socket import ask
from compat_tests.chaos.clients import DEADLINE, Client
from compat_tests.chaos.clock import Clock
from compat_tests.chaos.disk import Disk
from compat_tests.chaos.journal import Journal
from compat_tests.chaos.outcomes import Suffered
from compat_tests.chaos.report import Report
from compat_tests.chaos.resuming import ResumingClient
from compat_tests.chaos.stories import forgotten_by, judge_stories
from compat_tests.chaos.verdict import Verdict, judge, missed_by
from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer
from compat_tests.servers import Server

if TYPE_CHECKING:
    from compat_tests.chaos.staging import Stage

ROOMS = 3

#: How many connections the server takes.
PLACES = 60

POLL = 0.05

# When faults come after everybody has begun to say much, in seconds.
RUSH = 0.3


class Stuck(Exception):
    """What must happen in the end did not."""


class Scene:
    """One round: a server on real processes, and clients that talk all the time.

    Args:
        seed: what happens to whom, and when.
        stage: what it happens to.
        pause: how long a process that is stopped stays so, in seconds; what runs out, or is wrong,
            stays so for a third of that.
    """

    def __init__(self, seed: int, stage: Stage, *, pause: float) -> None:
        self.stage = stage
        self.pause = pause
        self.shortage = pause / 3
        #: The processes, as they were when everybody was well; 0 where there is no hub.
        self.workers: list[int] = []
        self.hub = 0
        self.clients: list[Client] = []
        self.killed: set[int] = set()
        self.broken: list[str] = []  # promises, other than those that stories are judged by
        self._seed = seed
        self._random = random.Random(seed)
        self._journal = Journal()
        self._numbers = itertools.count()
        self._suffered: list[Suffered] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def server(self) -> Server:
        """The one that runs now."""
        return self.stage.server

    @property
    def disk(self) -> Disk:
        """Where it has its logs and sockets."""
        return self.stage.disk

    @property
    def clock(self) -> Clock:
        """What it takes for the time."""
        return self.stage.clock

    @property
    def cluster(self) -> NatsCluster | None:
        """The nodes that its groups are on; None where they are on a hub."""
        return self.stage.cluster

    @property
    def places(self) -> int:
        """How many more connections the server takes."""
        return PLACES - len(self.clients)

    @property
    def nodes(self) -> list[NatsServer]:
        """Those of the cluster."""
        return self.cluster.servers if self.cluster else []

    def new_client(self) -> Client:
        """A client that comes by TCP or on the unix socket, to one room or another, in turn.

        Where there is history, two of three are clients that resume.
        """
        number = next(self._numbers)
        address = self.stage.addresses[number // ROOMS % 2]
        room = f"room-{number % ROOMS}"
        kind = ResumingClient if self.cluster is None and number // ROOMS % 3 else Client
        return kind(f"client-{number}", room, address, self._journal, f"{self._seed} {number}")

    def add_client(self) -> None:
        """Let one more talk until the end."""
        client = self.new_client()
        self.clients.append(client)
        self._tasks.append(asyncio.create_task(client.run()))

    async def suffer(self, *faults: Fault) -> None:
        """Let faults happen at once, and wait until everybody is well again.

        Just before, everybody has much to say: what is under way then is what could get lost.
        """
        rush = asyncio.gather(*(client.rush() for client in self.clients))
        await self.wait(RUSH)
        suffered = [Suffered(fault.__name__, time.monotonic()) for fault in faults]
        self._suffered += suffered
        step = len(self._suffered)
        await asyncio.gather(
            *(
                fault(self, one, random.Random(f"{self._seed} {step} {one.name}"))
                for fault, one in zip(faults, suffered, strict=True)
            )
        )
        await rush
        await self.recover()
        for one in suffered:
            one.over = time.monotonic()

    async def recover(self) -> None:
        """Wait until all processes and clients are where they belong."""
        # A client whose handshake is answered by nobody gives it up after DEADLINE.
        await self.until(self._is_well, "recovery", 3 * DEADLINE)

    async def wait(self, longest: float) -> None:
        """Let some time pass: when a fault comes is what is tried."""
        await asyncio.sleep(self._random.uniform(0, longest))

    async def end(self) -> Report:
        """Let everybody say and hear what is left, end the server, and judge."""
        for client in self.clients:
            client.quiet()
        await self.until(self._is_settled, "answers to all messages")
        stayed = [client.record for client in self.clients]
        for record in stayed:
            record.stayed = True
        with contextlib.suppress(Stuck):  # the verdict says so, and more
            await self.until(self._has_all_arrived, "all messages", DEADLINE)
        with contextlib.suppress(Stuck):  # as above
            await self.until(self._is_presence_true, "true word of who is there")
        with contextlib.suppress(Stuck):  # as above; who is half open is behind until it is cut off
            await self.until(self._is_caught_up, "end of all that was behind")
        if not await self._is_presence_true():
            self.broken.append("I6 presence is not the truth")
        if not await self._is_caught_up():
            self.broken.append(f"I8 something is left: {await self.status()}")
        for client in self.clients:
            client.say_goodbye()
        for each in self.resuming:
            each.take_place()
        end = Suffered("server_ended", time.monotonic())
        code = await asyncio.to_thread(self.server.stop, DEADLINE)
        await asyncio.wait_for(asyncio.gather(*self._tasks), DEADLINE)
        assert code == 0, code
        return Report(
            self._suffered,
            end,
            self._journal.records,
            self._judge(),
            self.broken + self._judge_stories(),
        )

    def _judge_stories(self) -> list[str]:
        stories = [client.story for client in self.resuming]
        return judge_stories(stories, self._journal.records, self._suffered, self._unsure)

    async def _is_presence_true(self) -> bool:
        """Whether those are present in each room who are there, and nobody else."""
        for client in self.resuming[:ROOMS]:
            there = {other.name for other in self.clients if other.room == client.room}
            if set(await client.ask_who_is_there()) != there:
                return False
        return True

    async def _is_caught_up(self) -> bool:
        """I8: nobody is behind, and no more is kept than there are rooms."""
        if self.cluster is not None:
            return True
        status = await self.status()
        (hub,) = status["services"]
        behind = sum(worker["history"]["behind"] for worker in status["workers"])
        replicas = max(worker["history"]["groups"] for worker in status["workers"])
        return behind == 0 and max(replicas, hub["history_groups"]) <= ROOMS

    @property
    def resuming(self) -> list[ResumingClient]:
        """Those clients that go on where they were."""
        return [client for client in self.clients if isinstance(client, ResumingClient)]

    async def abort(self) -> None:
        """Leave no task behind, whatever happened."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(
        self, condition: Callable[[], Awaitable[bool]], what: str, deadline: float = DEADLINE
    ) -> None:
        """Wait until a condition holds.

        Raises:
            Stuck: that takes longer than ``deadline`` seconds.
            Exception: of a client that has failed.
        """
        begin = looked = time.monotonic()
        while not await condition():
            for task in self._tasks:
                if task.done():
                    task.result()
            now = time.monotonic()
            if now > begin + deadline:
                trouble = await self._find_trouble()
                raise Stuck(f"no {what} within {deadline:g} s, at {now:.1f}; {trouble}")
            # As long as it took to look: clients need the processor, too.
            await asyncio.sleep(max(POLL, now - looked))
            looked = time.monotonic()

    async def status(self) -> dict[str, Any]:
        """What the server says of itself."""
        return await asyncio.to_thread(ask, self.disk.path / "control.sock", {}, DEADLINE)

    async def _is_well(self) -> bool:
        return not await self._find_trouble()

    async def _find_trouble(self) -> str:
        """Say what is missing until everybody is well, for a person; nothing if all are."""
        if absent := [str(client) for client in self.clients if not client.record.is_open]:
            return f"not there: {', '.join(absent)}"
        status = await self.status()
        workers, services = status["workers"], status["services"]
        if sick := [worker for worker in workers if not is_well(worker)]:
            return f"not well: {sick}"
        if len(workers) != self.stage.workers or len(services) != (not self.cluster):
            return f"not the right ones: {workers}, {services}"
        self.workers = [worker["pid"] for worker in workers]
        self.hub = sum(service["pid"] for service in services)
        if self.cluster is None or await asyncio.to_thread(is_whole, self.cluster):
            return ""
        return "nodes have not found each other"

    async def _is_settled(self) -> bool:
        return all(client.is_settled for client in self.clients)

    async def _has_all_arrived(self) -> bool:
        return not self._judge().lost

    def _judge(self) -> Verdict:
        return judge(
            self._journal.records,
            killed=self.killed,
            confirmed=self.stage.confirm,
            told=missed_by(self.server.log()) if self.cluster else 0,
            forgotten=forgotten_by((client.story for client in self.resuming), self._suffered),
        )

    @property
    def _unsure(self) -> set[int]:
        """The workers that may have taken something with them."""
        return set() if self.stage.confirm else self.killed


Fault = Callable[[Scene, Suffered, random.Random], Awaitable[None]]
"""Lets something happen to a scene; returns when the worst is over."""


def is_well(worker: dict[str, Any]) -> bool:
    """Whether a worker serves, answers and is connected, by its row of the status."""
    return bool(worker["state"] == "ready" and worker["fresh"] and worker["link"]["connected"])


def is_whole(cluster: NatsCluster) -> bool:
    """Whether all nodes are there and have found each other."""
    if not all(node.is_running for node in cluster.servers):
        return False
    with contextlib.suppress(OSError):
        return cluster.is_complete(cluster.servers)
    return False
