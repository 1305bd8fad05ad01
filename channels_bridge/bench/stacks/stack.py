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

from channels_bridge.bench.stacks.brokers import redis, redis_server
from channels_bridge.bench.stacks.channel_layers import CORE, GRPC, MEMORY, OWN, PUBSUB, Layer
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
    """

    port: int
    caller_port: int
    pids: Sequence[int]


@dataclass(frozen=True)
class Stack:
    """One row of the comparison: a server with a channel layer."""

    server: Server
    layer: Layer

    @property
    def name(self) -> str:
        """Its name in tables and on the command line."""
        plain = self.layer in (OWN, GRPC)
        return self.server.name if plain else f"{self.server.name}+{self.layer.name}"

    @property
    def versions(self) -> tuple[str, ...]:
        """The distributions whose versions say what was measured."""
        return (*self.server.versions, *self.layer.versions)

    def missing(self) -> list[str]:
        """The needed modules, and programs, that are not installed."""
        needed = (*self.server.modules, *self.layer.modules)
        modules = [name for name in needed if find_spec(name) is None]
        no_redis = self.layer.redis and redis_server() is None
        return [*modules, "redis-server"] if no_redis else modules

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
        env = self._environment(site, directory)
        with ExitStack() as stack:
            pids = [*site.pids]
            if self.layer.redis:
                pids.append(stack.enter_context(redis(directory)))
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
            yield Running(port, caller_port, pids)

    def _environment(self, site: Site, directory: Path) -> dict[str, str]:
        """Variables from which ``stacks.stack_settings`` makes the settings."""
        layers = json.dumps({"default": self.layer.settings} if self.layer.settings else None)
        return {
            **os.environ,
            **site.environment,
            **self.server.environment,
            "BENCH_APPLICATION": site.application.replace(":", "."),
            "BENCH_APPS": self.server.apps,
            "BENCH_LAYERS": layers.replace("{directory}", str(directory)),
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
        *(Stack(server, GRPC) for server in OURS),
        *(Stack(server, OWN) for server in FLOORS),
    )
}
