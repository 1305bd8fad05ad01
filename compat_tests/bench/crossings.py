"""What a message to a group costs that crosses processes over NATS.

``python -m compat_tests.bench.crossings`` starts a process that sends to groups, and others with a
member of each; all have a channel layer and nothing else, no server and no clients. Three nodes are
between them. The members take everything at once. Messages are sent in batches, as a busy worker
sends them: one at a time has system calls of its own on its whole way. With few groups each has a
message all the time; with many, each message is followed by a mark, which says its number again.
CPU time is divided by the messages, and that of nodes and receivers by the copies that the members
got, so that it includes the marks.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from itertools import count, product
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import django
import psutil
import uvloop

from compat_tests.groups.nats.nats_servers import NatsCluster
from compat_tests.servers import wait_for

#: Characters of text in a message.
SIZE = 100
#: How many copies a second are aimed at, whatever the batch and the number of receivers.
RATE = 6_000
#: Seconds before anything is measured, and that anything else may take.
WARMUP = 1.0
DEADLINE = 120

HEADING = (
    "receivers",
    "groups",
    "batch",
    "sender",
    "nodes, a copy",
    "receiver, a copy",
    "in all",
    "lost",
)

spawn = multiprocessing.get_context("spawn")


class Case(NamedTuple):
    """One arrangement."""

    receivers: int
    groups: int
    batch: int

    @property
    def pause(self) -> float:
        """Seconds between two batches."""
        return self.batch * self.receivers / RATE


class Figures(NamedTuple):
    """Microseconds of CPU: the sender's for a message, of nodes and receivers for a copy."""

    case: Case
    sender: float
    nodes: float
    receiver: float
    lost: int

    @property
    def cells(self) -> list[str]:
        """A row of the table."""
        whole = self.sender + self.case.receivers * (self.nodes + self.receiver)
        times = self.sender, self.nodes, self.receiver, whole
        return [
            *(f"{number:,}" for number in self.case),
            *(f"{microseconds:.1f} us" for microseconds in times),
            f"{self.lost}",
        ]


class Member:
    """The inbox of a consumer that takes everything at once.

    Args:
        received: counts, in memory that is shared with the process that measures.
    """

    capacity = 0
    sharing = None

    def __init__(self, received: Any) -> None:
        self._received = received

    def put_message(self, message: Any, expires: float) -> bool:
        self._received.value += 1
        return True


def run_receiver(servers: Sequence[str], case: Case, received: Any, ready: Any) -> None:
    django.setup()
    uvloop.run(receive(servers, case, received, ready))


async def receive(servers: Sequence[str], case: Case, received: Any, ready: Any) -> None:
    """Be a member of each group, until the process is killed."""
    layer = make_layer(servers)
    channel = await layer.new_channel()
    layer.attach(channel, Member(received))
    rooms = (f"room-{number}" for number in range(case.groups))
    await asyncio.gather(*(layer.group_add(room, channel) for room in rooms))
    await asyncio.to_thread(ready.wait)
    await asyncio.Event().wait()


def run_sender(servers: Sequence[str], case: Case, sent: Any, enough: Any, ready: Any) -> None:
    django.setup()
    uvloop.run(send(servers, case, sent, enough, ready))


async def send(servers: Sequence[str], case: Case, sent: Any, enough: Any, ready: Any) -> None:
    """Send a batch again and again, and stay once there are enough: others may ask for some."""
    layer = make_layer(servers)
    await asyncio.to_thread(ready.wait)
    start = time.monotonic()
    for turn in count(1):
        for number in range(turn * case.batch, (turn + 1) * case.batch):
            message = {"type": "chat.message", "text": "x" * SIZE}
            await layer.group_send(f"room-{number % case.groups}", message)
        sent.value += case.batch
        if enough.value:
            break
        await asyncio.sleep(max(0.0, start + turn * case.pause - time.monotonic()))
    enough.value = 2
    await asyncio.Event().wait()


def make_layer(servers: Sequence[str]) -> Any:
    """A layer as a server's worker has it."""
    from channels_bridge.groups.home import home_loop
    from channels_bridge.layers import NatsChannelLayer

    home_loop.claim()
    return NatsChannelLayer(servers=list(servers), prefix="bench")


def measure(cluster: NatsCluster, case: Case, seconds: float) -> Figures:
    """Let messages cross for so many seconds."""
    nodes = [server.pid for server in cluster.servers]
    sent, enough, *received = (spawn.Value("L", 0, lock=False) for _ in range(2 + case.receivers))
    with running(cluster.urls, case, sent, enough, received) as (sender, *others):
        parts = [sender.pid], nodes, [each.pid for each in others]
        time.sleep(WARMUP)
        before = *map(cpu, parts), sent.value, total(received)
        time.sleep(seconds)
        # On a busy machine a short time may be over before anything has come.
        wait_for(lambda: sent.value > before[-2] and total(received) > before[-1], DEADLINE)
        after = *map(cpu, parts), sent.value, total(received)
        enough.value = 1
        wait_for(lambda: enough.value == 2, DEADLINE)
        wait_for(lambda: total(received) == sent.value * case.receivers, DEADLINE)
        lost = sent.value * case.receivers - total(received)
    of_sender, of_nodes, of_receivers, messages, copies = (
        now - then for now, then in zip(after, before, strict=True)
    )
    return Figures(case, of_sender / messages, of_nodes / copies, of_receivers / copies, lost)


@contextlib.contextmanager
def running(
    servers: Sequence[str], case: Case, sent: Any, enough: Any, received: Sequence[Any]
) -> Iterator[list[BaseProcess]]:
    """The sender and the receivers, from the moment when all have joined."""
    ready = spawn.Barrier(2 + len(received), timeout=DEADLINE)
    with contextlib.ExitStack() as stack:
        processes = [start(stack, run_sender, servers, case, sent, enough, ready)]
        for number, each in enumerate(received):
            # Each begins at another node, if it can.
            turned = [*servers[number % len(servers) :], *servers[: number % len(servers)]]
            processes.append(start(stack, run_receiver, turned, case, each, ready))
        ready.wait()
        yield processes


def start(stack: contextlib.ExitStack, target: Any, *arguments: Any) -> BaseProcess:
    process = spawn.Process(target=target, args=arguments, daemon=True)
    process.start()
    stack.callback(process.join)
    stack.callback(process.kill)
    return process


def cpu(pids: Sequence[int | None]) -> float:
    """Microseconds of CPU that they have used."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times) * 1e6


def total(counts: Sequence[Any]) -> int:
    return sum(each.value for each in counts)


def table(found: Sequence[Figures]) -> str:
    """All of it in Markdown."""
    lines = [HEADING, ["---"] * len(HEADING), *(figures.cells for figures in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m compat_tests.bench.crossings", description=__doc__
    )
    add = parser.add_argument
    add("batches", nargs="*", type=int, default=[1, 16, 128], help="(1 16 128)")
    add("--receivers", nargs="+", type=int, default=[1, 9], metavar="N", help="default: 1 9")
    add("--groups", nargs="+", type=int, default=[10, 2000], metavar="N", help="default: 10 2000")
    add("--seconds", type=float, default=4.0, help="of each measurement (default: 4)")
    return parser.parse_args()


def main() -> None:
    """Measure each arrangement, and print a table."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compat_tests.settings")
    options = parse()
    with NatsCluster(3) as cluster:
        cases = product(options.receivers, options.groups, options.batches)
        found = [measure(cluster, Case(*case), options.seconds) for case in cases]
    print(table(found))


if __name__ == "__main__":
    main()
