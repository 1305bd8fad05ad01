"""What is compared: servers, each with a channel layer and the broker that it needs.

A server's name alone stands for the project as it is, with its own CHANNEL_LAYERS.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from .brokers import redis, redis_server
from .processes import answers, free_port, is_quiet, port_accepts, running, wait_until

BRIDGE = "channels_bridge"


@dataclass(frozen=True)
class Site:
    """The project that is served.

    Args:
        application: `module:name` of its ASGI application.
        settings: its settings module.
        cookie: the session cookie of a user who is logged in.
        pids: processes beside the server whose CPU time counts, such as a broker of its own.
        environment: variables that it needs.

    """

    application: str
    settings: str
    cookie: str = ""
    pids: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


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
class Layer:
    """A channel layer.

    Args:
        name: part of a stack's name.
        settings: an entry of CHANNEL_LAYERS; `{directory}` is filled in.
        versions: the distributions whose versions say what was measured.
        modules: what it needs.
        redis: whether it needs a Redis server.

    """

    name: str
    settings: Mapping[str, object] | None
    versions: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    redis: bool = False


OWN = Layer("", None)
MEMORY = Layer("memory", {"BACKEND": "channels.layers.InMemoryChannelLayer"})
# Its default would be a capacity of 100 for all consumers of a process together: with more messages
# than that on their way, it loses some.
CAPACITY = 10_000
CORE, PUBSUB = (
    Layer(
        name,
        {
            "BACKEND": backend,
            "CONFIG": {"hosts": ["unix://{directory}/redis.sock"], **options},
        },
        versions=("channels-redis", "redis"),
        modules=("channels_redis",),
        redis=True,
    )
    for name, backend, options in (
        ("core", "channels_redis.core.RedisChannelLayer", {"capacity": CAPACITY}),
        ("pubsub", "channels_redis.pubsub.RedisPubSubChannelLayer", {}),
    )
)
GRPC = Layer(
    "grpc",
    {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {"address": "unix:{directory}/groups.sock"},
    },
    versions=("grpcio",),
)


@dataclass(frozen=True)
class Server:
    """A server.

    Args:
        name: part of a stack's name.
        command: arguments of Python that start it; `{port}` and `{application}` are filled in.
        versions: the distributions whose versions say what was measured.
        modules: what it needs.
        apps: what it adds to INSTALLED_APPS.
        environment: variables for it alone.

    """

    name: str
    command: str
    versions: tuple[str, ...]
    modules: tuple[str, ...] = ()
    apps: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


DAPHNE = Server(
    "daphne", "-m daphne -v 0 -p {port} {application}", versions=("daphne",), modules=("daphne",)
)
UVICORN_COMMAND = "-m uvicorn --port {port} --log-level warning {application}"
UVICORN, UVICORN_WEBSOCKETS, UVICORN_2 = (
    Server(
        f"uvicorn{suffix}",
        f"{UVICORN_COMMAND} {options}",
        versions=("uvicorn", "websockets", "uvloop"),
        modules=("uvicorn",),
    )
    for suffix, options in {
        "": "",
        "-websockets": "--ws websockets",
        "-w2": "--workers 2",
    }.items()
)
HYPERCORN = Server(
    "hypercorn",
    "-m hypercorn -k uvloop -b 127.0.0.1:{port} {application}",
    versions=("hypercorn", "uvloop"),
    modules=("hypercorn", "uvloop"),
)
GRANIAN = Server(
    "granian",
    "-m granian --interface asginl --log-level error --port {port} {application}",
    versions=("granian", "uvloop"),
    modules=("granian",),
)
BRIDGE_COMMAND = "-m django websockets_server --no-access-log -b 127.0.0.1:{port}"
WEBSOCKETS_SERVER, WEBSOCKETS_SERVER_2, WEBSOCKETS_SERVER_THREADS = (
    Server(
        f"websockets_server{suffix}",
        f"{BRIDGE_COMMAND} {options}",
        versions=("channels-bridge", "websockets", "uvloop"),
        apps=BRIDGE,
        environment={"BENCH_SYNC_THREADS": threads} if threads else {},
    )
    for suffix, options, threads in (
        ("", "-w 1", ""),
        ("-w2", "-w 2", ""),
        ("-threads16", "-w 1", "16"),
    )
)
PICOWS, PICOWS_FRAMES = (
    Server(
        name,
        f"-m channels_bridge.bench.floor {{port}} {work}",
        versions=("picows", "uvloop"),
        modules=("picows", "uvloop"),
    )
    for name, work in {"picows": "json", "picows-frames": "frames"}.items()
)


@dataclass(frozen=True)
class Stack:
    """One row of the comparison: a server with a channel layer."""

    server: Server
    layer: Layer

    @property
    def name(self) -> str:
        """What tables and the command line call it."""
        plain = self.layer in (OWN, GRPC)
        return self.server.name if plain else f"{self.server.name}+{self.layer.name}"

    @property
    def versions(self) -> tuple[str, ...]:
        return (*self.server.versions, *self.layer.versions)

    def missing(self) -> list[str]:
        """The needed modules, and programs, that are not installed."""
        needed = (*self.server.modules, *self.layer.modules)
        modules = [name for name in needed if find_spec(name) is None]
        no_redis = self.layer.redis and redis_server() is None
        return [*modules, "redis-server"] if no_redis else modules

    @contextmanager
    def serve(self, site: Site, directory: Path, caller: str = "") -> Iterator[Running]:
        """Run it until the end of the block; sockets and logs go into `directory`.

        Args:
            site: the project.
            directory: where sockets and logs go.
            caller: how another process sends to groups, if one is to: see `caller`.

        """
        env = self._environment(site, directory)
        with ExitStack() as stack:
            pids = [*site.pids]
            if self.layer.redis:
                pids.append(stack.enter_context(redis(directory)))
            port, pid = stack.enter_context(
                listening(self.server.command, answers, site, env, directory / "server.log")
            )
            pids.append(pid)
            caller_port = 0
            if caller:
                command = f"-m channels_bridge.bench.caller {{port}} {caller}"
                caller_port, pid = stack.enter_context(
                    listening(command, port_accepts, site, env, directory / "caller.log")
                )
                pids.append(pid)
            wait_until(lambda: is_quiet(pids))
            yield Running(port, caller_port, pids)

    def _environment(self, site: Site, directory: Path) -> dict[str, str]:
        layers = json.dumps({"default": self.layer.settings} if self.layer.settings else None)
        return {
            **os.environ,
            **site.environment,
            **self.server.environment,
            "BENCH_APPLICATION": site.application.replace(":", "."),
            "BENCH_APPS": self.server.apps,
            "BENCH_LAYERS": layers.replace("{directory}", str(directory)),
            "BENCH_SETTINGS": site.settings,
            "DJANGO_SETTINGS_MODULE": "channels_bridge.bench.settings",
        }


@contextmanager
def listening(
    command: str, ready: Callable[[int], bool], site: Site, env: Mapping[str, str], log: Path
) -> Iterator[tuple[int, int]]:
    """Run Python with these arguments; gives port and pid once the port is ready."""
    port = free_port()
    arguments = command.format(port=port, application=site.application).split()
    with running([sys.executable, *arguments], log, lambda: ready(port), env) as pid:
        yield port, pid


def _stacks() -> Iterator[Stack]:
    for server in (DAPHNE, UVICORN, UVICORN_WEBSOCKETS, UVICORN_2, HYPERCORN, GRANIAN):
        for layer in (CORE, PUBSUB, MEMORY, OWN):
            yield Stack(server, layer)
    for server in (WEBSOCKETS_SERVER, WEBSOCKETS_SERVER_2, WEBSOCKETS_SERVER_THREADS):
        yield Stack(server, GRPC)
    for server in (PICOWS, PICOWS_FRAMES):
        yield Stack(server, OWN)


STACKS: Mapping[str, Stack] = {stack.name: stack for stack in _stacks()}
REDIS: Sequence[str] = [name for name, stack in STACKS.items() if stack.layer.redis]
