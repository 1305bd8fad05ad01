"""What the processes of a server hold while nobody is connected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psutil

from channels_bridge.server.child.questions import Message
from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.server.monitoring.site import Site
from compat_tests.servers import wait_for
from compat_tests.soak.verdict import Reading

#: Seconds until a server is at rest: longer than any of its time limits.
PATIENCE = 60.0


class SoakFailed(Exception):
    """Something happened after which there is nothing to compare."""


class Gauges:
    """Reads the figures of a site's processes, which must stay the same ones.

    Args:
        nodes: those that its groups are on.
    """

    def __init__(self, site: Site, nodes: Sequence[NatsServer] = ()) -> None:
        self._site = site
        self._nodes = nodes
        self._processes = {name: psutil.Process(pid) for name, pid in _pids(site.status())}

    @property
    def workers(self) -> list[psutil.Process]:
        return [self._processes[name] for name in self._processes if name.startswith("worker-")]

    def read(self) -> Reading:
        """Wait until the server is at rest, and read.

        Raises:
            SoakFailed: it does not come to rest, or a process was replaced.
        """
        if not wait_for(self._is_at_rest, PATIENCE):
            raise SoakFailed(f"something stays when all clients are gone: {self._site.status()}")
        status = self._site.status()
        tasks = {f"worker-{worker['number']}": worker["tasks"] for worker in status["workers"]}
        for name, pid in _pids(status):
            if self._processes[name].pid != pid:
                raise SoakFailed(f"{name} was replaced: process {self._processes[name].pid} ended")
        own = {
            name: figures(process) | ({"tasks": tasks[name]} if name in tasks else {})
            for name, process in self._processes.items()
        }
        return own | {f"node {node.name}": kept_for_others(node) for node in self._nodes}

    def _is_at_rest(self) -> bool:
        return all(map(is_at_rest, self._site.status()["workers"]))


def is_at_rest(worker: Message) -> bool:
    """Whether a worker serves nobody, keeps nothing for anybody, and has sent all that it had."""
    held = ("connections", "groups", "members", "inbox_depth", "unsent_bytes")
    unsent = worker["hub"]["unacknowledged"] if worker["hub"] else worker["link"]["waiting_bytes"]
    return worker["fresh"] and not (any(worker[name] for name in held) or unsent)


def figures(process: psutil.Process) -> dict[str, int]:
    """What the system knows of a process; memory in bytes."""
    memory = process.memory_full_info()
    return {
        "rss": memory.rss,
        "pss": memory.pss,
        "descriptors": process.num_fds(),
        "threads": process.num_threads(),
    }


def kept_for_others(node: NatsServer) -> dict[str, int]:
    """What a node of NATS keeps for those who connect to it, and for other nodes."""
    varz = node.ask("varz")
    return {"subscriptions": varz["subscriptions"], "connections": varz["connections"]}


def _pids(status: Message) -> Iterator[tuple[str, int]]:
    yield "supervisor", status["pid"]
    for worker in status["workers"]:
        yield f"worker-{worker['number']}", worker["pid"]
    for number, service in enumerate(status["services"]):
        yield f"{service['name']}-{number}", service["pid"]
