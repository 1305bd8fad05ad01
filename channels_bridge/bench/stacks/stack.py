"""Stacks: servers, each with a channel layer and the broker that it needs.

A server's name alone stands for the project as it is, with its own CHANNEL_LAYERS.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from channels_bridge.bench.stacks.brokers import RunningBroker
from channels_bridge.bench.stacks.channel_layers import (
    CORE,
    GRPC,
    HISTORY,
    MEMORY,
    NATS,
    NATS3,
    OWN,
    PUBSUB,
    Layer,
)
from channels_bridge.bench.stacks.processes import (
    answers,
    free_port,
    is_quiet,
    port_accepts,
    running,
    wait_until,
)
from channels_bridge.bench.stacks.servers import FLOORS, OURS, PEERS, Server
from channels_bridge.bench.stacks.sites import Site


@dataclass(frozen=True)
class Running:
    """A stack that serves.

    Args:
        port: where, on 127.0.0.1.
        caller_port: where the process listens that sends to groups from outside; 0 without one.
        pids: the processes whose CPU time and memory are the stack's, their descendants' included.
        environment: variables with which further processes are the project's, too.
    """

    port: int
    caller_port: int
    pids: Sequence[int]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Stack:
    """One row of the comparison: a server with a channel layer.

    Args:
        server: what serves.
        layer: what brings messages to groups.
        suffix: of its name, where there are several of the same kind.
    """

    server: Server
    layer: Layer
    suffix: str = ""

    @property
    def name(self) -> str:
        """Its name in tables and on the command line."""
        layer = "" if self.layer in (OWN, GRPC) else f"+{self.layer.name}"
        return f"{self.server.name}{layer}{self.suffix}"

    @property
    def versions(self) -> tuple[str, ...]:
        """The distributions whose versions say what was measured."""
        return (*self.server.versions, *self.layer.versions)

    def missing(self) -> list[str]:
        """The needed modules, and programs, that are not installed."""
        needed = (*self.server.modules, *self.layer.modules)
        modules = [name for name in needed if find_spec(name) is None]
        broker = self.layer.broker
        return [*modules, broker.program] if broker and broker.find() is None else modules

    @contextmanager
    def serve(self, site: Site, directory: Path, caller: str = "") -> Iterator[Running]:
        """Run it with fresh processes until the end of the block.

        Args:
            site: the project.
            directory: where sockets and logs go.
            caller: how another process sends to groups, if one is to: see ``stacks.caller``.

        Raises:
            ProcessFailed: one of the processes did not start.
        """
        with ExitStack() as stack:
            broker = RunningBroker([])
            if self.layer.broker:
                broker = stack.enter_context(self.layer.broker.run(directory))
            pids = [*site.pids, *broker.pids]
            env = self._environment(site, {"directory": str(directory), **broker.places})
            start = partial(listening, site=site, env=env, cwd=self.server.directory)
            port, pid = stack.enter_context(
                start(self.server.command, answers, log=directory / "server.log")
            )
            pids.append(pid)
            caller_port = 0
            if caller:
                command = f"-m channels_bridge.bench.stacks.caller {{port}} {caller}"
                caller_port, pid = stack.enter_context(
                    start(command, port_accepts, log=directory / "caller.log")
                )
                pids.append(pid)
            # Workers and hub start after the port is open, and their start is not to be measured.
            wait_until(lambda: is_quiet(pids))
            yield Running(port, caller_port, pids, env)

    def _environment(self, site: Site, places: Mapping[str, str]) -> dict[str, str]:
        """Variables from which ``stacks.stack_settings`` makes the settings."""
        layers = json.dumps({"default": self.layer.settings} if self.layer.settings else None)
        for name, place in places.items():
            layers = layers.replace(f"{{{name}}}", place)
        return {
            **os.environ,
            **site.environment,
            **self.server.environment,
            "BENCH_APPLICATION": site.application.replace(":", "."),
            "BENCH_APPS": self.server.apps,
            "BENCH_LAYERS": layers,
            "BENCH_SETTINGS": site.settings,
            "DJANGO_SETTINGS_MODULE": "channels_bridge.bench.stacks.stack_settings",
        }


@contextmanager
def listening(
    command: str,
    ready: Callable[[int], bool],
    site: Site,
    env: Mapping[str, str],
    cwd: Path | None,
    log: Path,
) -> Iterator[tuple[int, int]]:
    """Run Python with these arguments; gives port and pid once the port is ready."""
    port = free_port()
    arguments = command.format(port=port, application=site.application).split()
    with running([sys.executable, *arguments], log, lambda: ready(port), env, cwd) as pid:
        yield port, pid


STACKS: Mapping[str, Stack] = {
    stack.name: stack
    for stack in (
        *(Stack(server, layer) for server in PEERS for layer in (CORE, PUBSUB, MEMORY, OWN)),
        *(Stack(server, layer) for server in OURS for layer in (GRPC, HISTORY, NATS, NATS3)),
        *(Stack(server, OWN) for server in FLOORS),
    )
}
