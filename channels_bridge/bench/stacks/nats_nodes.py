"""The broker of the layer for several machines: NATS, one node or a cluster of them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from channels_bridge.bench.stacks.brokers import Broker, RunningBroker
from channels_bridge.bench.stacks.processes import free_port, port_accepts, running, wait_until

HOST = "127.0.0.1"
ANSWER_SECONDS = 1.0


def nats_server() -> str | None:
    """The path of the program: the one of this Python's environment, or one on PATH."""
    folders = [sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    return shutil.which("nats-server", path=os.pathsep.join(folders))


@contextmanager
def nats(nodes: int, directory: Path) -> Iterator[RunningBroker]:
    """Run so many nodes, each of which knows all others once this begins.

    Settings call their addresses ``{node0}``, ``{node1}``, ...
    """
    ports = [free_port() for _ in range(nodes)]
    routes = [free_port() for _ in range(nodes)] if nodes > 1 else []
    with ExitStack() as stack:
        pids = [
            stack.enter_context(
                running(
                    [*command(port), *cluster(number, routes)],
                    directory / f"nats{number}.log",
                    partial(port_accepts, port),
                )
            )
            for number, port in enumerate(ports)
        ]
        wait_until(lambda: all(known_nodes(port) == nodes for port in ports))
        places = {f"node{number}": f"nats://{HOST}:{port}" for number, port in enumerate(ports)}
        yield RunningBroker(pids, places)


def command(port: int) -> list[str]:
    """What starts one node."""
    return [str(nats_server()), "--addr", HOST, "--port", str(port)]


def cluster(number: int, routes: Sequence[int]) -> list[str]:
    """What makes a node one of several; nothing where it is alone."""
    if not routes:
        return []
    ours, *others = (f"nats://{HOST}:{port}" for port in (routes[number], *routes))
    return ["--cluster_name", "bench", "--cluster", ours, "--routes", ",".join(others)]


def known_nodes(port: int) -> int:
    """How many nodes clients hear of at this one, itself included; 0 where nobody answers."""
    address = (HOST, port)
    with (
        suppress(OSError, ValueError),
        socket.create_connection(address, ANSWER_SECONDS) as client,
        client.makefile() as lines,
    ):
        information = json.loads(lines.readline().removeprefix("INFO "))
        return len(information.get("connect_urls", [address]))
    return 0


def nats_broker(nodes: int) -> Broker:
    """NATS with so many nodes."""
    return Broker("nats-server", nats_server, partial(nats, nodes))
