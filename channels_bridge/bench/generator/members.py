"""Members of groups: they publish, and check that each message comes once and in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import cycle

from channels_bridge.bench.generator.clients import Client, Target
from channels_bridge.bench.generator.ledger import Arrivals, Ledger
from channels_bridge.bench.loads.loads import Loop

#: After the last message was published. What is missing then is lost.
DRAIN_SECONDS = 10.0


class Run:
    """The state that all members share.

    Args:
        load: what is run.
        port: where the servers listen.
    """

    def __init__(self, load: Loop, port: int) -> None:
        self.load = load
        self.port = port
        self.ledger = Ledger(load, load.members - load.stalled)
        self.latencies: list[float] = []  # of the messages that came while it was measuring
        self.late: list[float] = []  # how much later than due messages were sent meanwhile
        self.measuring = False
        self.publishing = True
        self.complete = asyncio.Event()  # once it isn't publishing, and all has arrived
        self.blocks = [self._block(number) for number in range(load.blocks)]

    def _block(self, number: int) -> list[Client]:
        groups = range(number * self.load.rooms, (number + 1) * self.load.rooms)
        readers = [Member(self, groups) for _ in range(self.ledger.readers)]
        return [*readers, *(Client() for _ in range(self.load.stalled))]

    @property
    def clients(self) -> list[Client]:
        """All connections, as they are opened: first one of each block, then the next."""
        return [client for row in zip(*self.blocks, strict=True) for client in row]

    @property
    def publishers(self) -> list[Member]:
        """One member of each block."""
        return [block[0] for block in self.blocks if isinstance(block[0], Member)]

    def targets(self) -> Iterator[tuple[Client, Target]]:
        """Where each connection goes."""
        load = self.load
        for number, client in enumerate(self.clients):
            yield client, Target(self.port, load.path_of(number), load.headers, load.deflate)

    def stall(self) -> None:
        """Make those that don't read stop reading."""
        for block in self.blocks:
            for client in block[self.ledger.readers :]:
                client.stall()

    def arrived(self, group: int, number: int, now: float) -> None:
        """Note a message that one of its group's members got for the first time."""
        if self.measuring:
            self.latencies.append(now - self.ledger.published[group][number])
        if not self.publishing:
            self.settle()

    def settle(self) -> None:
        """End the wait for messages in flight, if none is left."""
        if self.ledger.settled:
            self.complete.set()

    async def drain(self) -> None:
        """Publish no more, and wait for what is in flight."""
        self.publishing = False
        self.settle()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.complete.wait(), DRAIN_SECONDS)


class RunTogether(Run):
    """One in which each message is for all groups, and known as one of the first."""

    def __init__(self, load: Loop, port: int) -> None:
        super().__init__(load, port)
        self.ledger.readers = load.connections

    def _block(self, number: int) -> list[Client]:
        return [Member(self, [0]) for _ in range(self.load.members)]

    @property
    def publishers(self) -> list[Member]:
        return super().publishers[:1]


class Member(Client):
    """One connection, which is in these groups.

    Args:
        run: what it is part of.
        groups: the numbers of its groups.
    """

    def __init__(self, run: Run, groups: Sequence[int]) -> None:
        super().__init__()
        self.run = run
        self.loops = False  # whether it publishes again when its own message comes back
        self.say: Callable[[str], None] = self.send  # how it publishes
        self._arrivals = {group: Arrivals() for group in groups}
        self._groups = cycle(groups)
        self._messages = cycle(run.load.messages)

    def publish(self, due: float | None = None) -> None:
        """Send the next message to the next of its groups; it counts from ``due``, or from now."""
        group = next(self._groups)
        now = time.perf_counter() if due is None else due
        name = self.run.ledger.publish(group, now, self.run.load.size)
        for message in self._messages:
            self.say(message.replace("{group}", str(group)).replace("{id}", name))
            if "{id}" in message:
                break  # what has no id cannot be waited for, and so only goes along

    def receive(self, payload: bytes) -> None:
        """Check a message off, and publish the next one in its place, in a closed loop."""
        now = time.perf_counter()  # before any work of this process is counted as latency
        found = self.run.ledger.read(payload)
        if found is None:
            return
        group, number = found
        if self._arrivals[group].check(number, self.run.ledger.counts):
            self.run.arrived(group, number, now)
            if self.loops and self.run.publishing:
                self.publish()
