"""The servers that are compared, how each is run, and which of its processes may be killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psutil

from channels_bridge.bench.stacks import servers
from channels_bridge.bench.stacks.brokers import REDIS, Broker, RunningBroker, redis_server
from channels_bridge.bench.stacks.channel_layers import Layer, redis
from channels_bridge.bench.stacks.processes import answers, free_port, running
from channels_bridge.bench.stacks.sites import Site
from channels_bridge.bench.stacks.stack import Stack
from channels_bridge.server.monitoring.control_socket import ask
from compat_tests.resume.jitter.speakers import PlainSpeaker, SocketIOSpeaker, Speaker
from compat_tests.resume.jitter.speakers_resuming import ResumingSpeaker

HERE = Path(__file__).resolve().parent

#: What runs a command again when it ends, for those that have no supervisor.
KEEP = "compat_tests.resume.jitter.keep"

#: Where socket.io is installed; elsewhere Node's own places are searched.
SOCKETIO = "SOCKETIO"

ANSWER_SECONDS = 10.0

WORKERS = 2


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Args:
        port: where, on 127.0.0.1.
        pids: its processes, without their descendants.
        environment: what a process needs that sends to groups from outside; None where messages are
            posted to the server.
        workers: tells the processes that serve connections now.
        hubs: tells those that bring messages from process to process.
        requests: how much these have been asked so far; None where nobody knows.
    """

    port: int
    pids: Sequence[int]
    environment: Mapping[str, str] | None
    workers: Callable[[], list[int]]
    hubs: Callable[[], list[int]] = list
    requests: Callable[[], int | None] = field(default=lambda: None)


@dataclass(frozen=True)
class Contestant:
    """A server with the clients that go with it.

    Args:
        name: in tables and on the command line.
        speaker: the protocol of one client.
        serve: runs it, for a site, with its files in a directory, until the end of a block.
        missing: what is needed, and not there.
        distributions: those whose versions say what was compared.
        version: says it for what is none.
    """

    name: str
    speaker: Callable[[], Speaker]
    serve: Callable[[Site, Path], AbstractContextManager[Served]]
    missing: Callable[[], list[str]]
    distributions: Sequence[str] = ()
    version: Callable[[], str] | None = None


def children(pid: int, part: str = "") -> list[int]:
    """The children of a process whose command lines have that part."""
    try:
        found = psutil.Process(pid).children()
        return [each.pid for each in found if part in " ".join(each.cmdline())]
    except psutil.Error:
        return []


def grandchildren(pid: int, part: str) -> list[int]:
    """The same, one step further down."""
    return [each for child in children(pid) for each in children(child, part)]


# This project's server.


@contextmanager
def bridge(site: Site, directory: Path) -> Iterator[Served]:
    """Two workers, with history for the group."""
    control = directory / "control.sock"
    config = {"address": "unix:{directory}/groups.sock", "history": {"chat_*": {}}}
    layer = Layer(
        "history", {"BACKEND": "channels_bridge.layers.GrpcChannelLayer", "CONFIG": config}
    )
    server = servers.websockets_server("websockets_server", f"-w {WORKERS} --control {control}")

    def pids(kind: str) -> list[int]:
        """Those of a kind; nobody while they are not well: what is down cannot be killed."""
        status = ask(control, {}, ANSWER_SECONDS)
        workers = status["workers"]
        well = [each for each in workers if each["state"] == "ready" and each["link"]["connected"]]
        return [each["pid"] for each in status[kind]] if len(well) == WORKERS else []

    with Stack(server, layer).serve(site, directory) as run:
        yield Served(
            run.port,
            run.pids,
            run.environment,
            partial(pids, "workers"),
            partial(pids, "services"),
            lambda: ask(control, {}, ANSWER_SECONDS)["totals"].get("history_fetches"),
        )


# Channels with channels_redis.


@contextmanager
def kept_redis(directory: Path) -> Iterator[RunningBroker]:
    """Redis as the benchmark runs it, but that it is run again when it is killed."""
    path = directory / "redis.sock"
    command = [sys.executable, "-m", KEEP, str(redis_server()), "--port", "0"]
    command += ["--unixsocket", str(path), "--save", ""]
    with running(command, directory / "redis.log", accepts=path.exists) as pid:
        yield RunningBroker([pid])


CORE = Layer(
    "core",
    redis("core", "core.RedisChannelLayer", capacity=10_000).settings,
    broker=Broker(REDIS.program, REDIS.find, kept_redis),
)


def commands(directory: Path) -> int | None:
    """How many commands Redis has had, since it was last started."""
    from redis import Redis, RedisError

    try:
        with Redis(unix_socket_path=str(directory / "redis.sock")) as client:
            return int(client.info("stats")["total_commands_processed"])
    except RedisError:
        return None


@contextmanager
def channels(
    command: str, workers: Callable[[int], list[int]], site: Site, directory: Path
) -> Iterator[Served]:
    """Channels under another server."""
    server = servers.Server("", f"-m {KEEP} {sys.executable} {command}", versions=())
    with Stack(server, CORE).serve(site, directory) as run:
        broker, pid = run.pids
        yield Served(
            run.port,
            run.pids,
            run.environment,
            partial(workers, pid),
            partial(children, broker),
            partial(commands, directory),
        )


def lacking(*modules: str) -> list[str]:
    """Those modules that are not installed, and Redis if it isn't."""
    missing = [name for name in modules if find_spec(name) is None]
    return missing if redis_server() else [*missing, REDIS.program]


# Socket.IO.


@contextmanager
def socketio(mode: str, site: Site, directory: Path) -> Iterator[Served]:
    """One process of Node, with the adapter that Socket.IO has by default: in memory."""
    port = free_port()
    script = str(HERE / "socketio.js")
    command = [sys.executable, "-m", KEEP, "node", script, str(port), mode]
    log = directory / "socketio.log"
    with running(command, log, partial(answers, port), env=dict(os.environ)) as pid:
        yield Served(port, [pid], None, partial(children, pid))


def no_socketio() -> list[str]:
    """What is missing of Node and Socket.IO."""
    if shutil.which("node") is None:
        return ["node"]
    find = ["node", "-e", f"require(process.env.{SOCKETIO} || 'socket.io')"]
    found = subprocess.run(find, stderr=subprocess.DEVNULL).returncode == 0
    return [] if found else [f"socket.io ({SOCKETIO} says where it is)"]


def socketio_version() -> str:
    """What is measured."""
    find = [
        "node",
        "-p",
        f"require((process.env.{SOCKETIO} || 'socket.io') + '/package.json').version",
    ]
    return f"socket.io {subprocess.check_output(find, text=True).strip()}"


#: What no table has, and why.
NOT_COMPARED = {
    "the cost of the application": "Channels' servers run the benchmark's project, with sessions "
    "and users for each handshake; Socket.IO's has neither",
    "AnyCable, Centrifugo": "their servers are programs that neither PyPI nor npm has",
    "Socket.IO on several processes": "its adapters for that need a database each",
}

OURS = "channels_bridge"

CONTESTANTS: Mapping[str, Contestant] = {
    each.name: each
    for each in (
        Contestant(OURS, ResumingSpeaker, bridge, list, ("channels-bridge", "websockets")),
        Contestant(
            "daphne+core",
            PlainSpeaker,
            partial(channels, "-m daphne -v 0 -p {port} {application}", children),
            partial(lacking, "daphne", "channels_redis"),
            ("daphne", "channels-redis"),
        ),
        Contestant(
            "uvicorn-w2+core",
            PlainSpeaker,
            partial(
                channels,
                "-m uvicorn --workers 2 --port {port} --log-level warning {application}",
                partial(grandchildren, part="spawn_main"),
            ),
            partial(lacking, "uvicorn", "channels_redis"),
            ("uvicorn", "channels-redis"),
        ),
        *(
            Contestant(
                name,
                SocketIOSpeaker,
                partial(socketio, mode),
                no_socketio,
                version=socketio_version,
            )
            for name, mode in {"socket.io": "plain", "socket.io+recovery": "recovery"}.items()
        ),
    )
}
