"""What subjects cost the nodes of NATS, and how long they take to be in force.

``python -m compat_tests.bench.subjects`` starts nodes, and subscribes to many subjects over a few
connections of the layer's own kind, which are spread over the nodes. Then a node is killed: of
several, its connections go to the others; a single one is started again. The last subject is served
when what the first connection publishes on it reaches the last one.

Everything is on this machine: no figure has a network in it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from typing import Any, NamedTuple

import psutil

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer

#: Seconds that anything may take, and between two messages on the last subject.
DEADLINE = 120.0
INTERVAL = 0.005

COLUMNS = (
    ("nodes", "{0.nodes}"),
    ("subjects", "{0.subjects:,}"),
    ("listeners of each, of connections", "{0.listeners} of {0.connections}"),
    ("in force after", "{0.in_force:.1f} s"),
    ("everywhere after", "{0.everywhere:.1f} s"),
    ("a node's memory for each", "{0.each.bytes_of_node:.0f} bytes"),
    ("the clients'", "{0.each.bytes_of_clients:.0f} bytes"),
    ("all nodes' CPU for each", "{0.each.cpu_of_nodes:.1f} us"),
    ("the clients'", "{0.each.cpu_of_clients:.1f} us"),
    ("a node killed: served again after", "{0.healed:.1f} s"),
)


class Usage(NamedTuple):
    """What has been used: microseconds of CPU, and bytes of memory (RSS).

    Attributes:
        bytes_of_node: of the node that has most.
        bytes_of_clients: of this process, which has all connections.
    """

    cpu_of_nodes: float
    cpu_of_clients: float
    bytes_of_node: float
    bytes_of_clients: float


class Figures(NamedTuple):
    """What one arrangement took, in seconds.

    Attributes:
        in_force: until the nodes have confirmed all subscriptions.
        everywhere: until the last one hears what is published on another node.
        each: what a subject takes.
        healed: from the kill of a node until the last subject of its connection is served again.
    """

    nodes: int
    connections: int
    listeners: int
    subjects: int
    in_force: float
    everywhere: float
    each: Usage
    healed: float


class Client:
    """A connection, and whether the last subject it has subscribed to was heard."""

    def __init__(self, number: int, server: str) -> None:
        self.heard = asyncio.Event()
        self.last = ""
        self.connection = NatsConnection(
            [server],
            name=f"bench-{number}",
            reply_prefix=f"bench.i.{number}",
            on_message=self._hear,
        )

    def subscribe(self, number: int) -> None:
        """Listen to the subject of one more group."""
        self.last = f"mysite.g.room-{number:07}"
        self.connection.subscribe(self.last, number)

    def _hear(self, key: Any, payload: bytes, reply: bytes) -> None:
        self.heard.set()


async def measure(nodes: int, connections: int, listeners: int, subjects: int) -> Figures:
    """Start so many nodes, and see what so many subjects take with so many listeners each."""
    async with running(nodes, connections) as (servers, clients):
        before = usage(servers)
        start = time.perf_counter()
        for number, turn in product(range(subjects), range(listeners)):
            clients[(number + turn) % connections].subscribe(number)
        for client in clients:
            await client.connection.flush(DEADLINE)
        in_force = time.perf_counter() - start
        await await_served(clients)
        everywhere = time.perf_counter() - start
        growth = zip(usage(servers), before, strict=True)
        each = Usage(*((after - then) / subjects for after, then in growth))
        killed = time.perf_counter()
        servers[-1].kill()
        if nodes == 1:
            servers[-1].start()
        await await_served(clients)
        healed = time.perf_counter() - killed
        return Figures(nodes, connections, listeners, subjects, in_force, everywhere, each, healed)


@asynccontextmanager
async def running(
    nodes: int, connections: int
) -> AsyncIterator[tuple[list[NatsServer], list[Client]]]:
    """The nodes, and connections that are spread over them; the last one has the last node."""
    async with AsyncExitStack() as stack:
        if nodes == 1:
            servers = [stack.enter_context(NatsServer())]
        else:
            servers = stack.enter_context(NatsCluster(nodes)).servers
        places = [servers[number % nodes].url for number in range(connections)]
        clients = [Client(number, place) for number, place in enumerate(places)]
        for client in clients:
            stack.push_async_callback(client.connection.aclose)
            client.connection.start()
            await client.connection.flush(DEADLINE)
        yield servers, clients


async def await_served(clients: Sequence[Client]) -> None:
    """Return once the last subject of the last connection hears what the first one publishes."""
    publisher, receiver = clients[0], clients[-1]
    receiver.heard.clear()
    end = time.monotonic() + DEADLINE
    while not receiver.heard.is_set():
        assert time.monotonic() < end, "the last subject is not served"
        publisher.connection.publish(receiver.last, b"x")
        await asyncio.sleep(INTERVAL)


def usage(servers: Sequence[NatsServer]) -> Usage:
    """What has been used so far."""
    nodes, clients = [psutil.Process(server.pid) for server in servers], psutil.Process()
    largest = max(node.memory_info().rss for node in nodes)
    return Usage(sum(map(cpu, nodes)), cpu(clients), largest, clients.memory_info().rss)


def cpu(process: psutil.Process) -> float:
    """Microseconds of CPU that it has used."""
    times = process.cpu_times()
    return (times.user + times.system) * 1e6


def table(found: Sequence[Figures]) -> str:
    """All of it in Markdown."""
    rows = [[form.format(figures) for _, form in COLUMNS] for figures in found]
    lines = [[title for title, _ in COLUMNS], ["---"] * len(COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m compat_tests.bench.subjects", description=__doc__
    )
    add = parser.add_argument
    add("subjects", nargs="*", type=int, default=[100_000, 300_000], help="(100000 300000)")
    add("--nodes", nargs="+", type=int, default=[1, 3], metavar="N", help="default: 1 3")
    add("--connections", type=int, default=3, metavar="N", help="a multiple of the nodes (3)")
    add("--listeners", nargs="+", type=int, default=[1, 3], metavar="N", help="default: 1 3")
    return parser.parse_args()


def main() -> None:
    """Measure each arrangement, and print a table."""
    options = parse()
    cases = product(options.nodes, [options.connections], options.listeners, options.subjects)
    print(table([asyncio.run(measure(*case)) for case in cases]))


if __name__ == "__main__":
    main()
