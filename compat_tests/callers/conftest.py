"""The sample project on two workers, and a room whose members are on both."""

from __future__ import annotations

import contextlib
import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator

import psutil
import pytest
from websockets.sync.client import ClientConnection, connect

from compat_tests.parity.site import PROJECT
from compat_tests.servers import Server, run_python, websockets_server

MEMBERS = 4
DEADLINE = 20
#: A member that the machine has no time for may have as many to read.
MOST_MESSAGES = 1000


class Project:
    """A running server, other processes of the same project, and clients in one room."""

    def __init__(self, server: Server, env: dict[str, str]) -> None:
        self.server = server
        self.env = env

    def run(self, *arguments: str) -> str:
        """Run another process of the project to its end. Returns what it printed."""
        return run_python(PROJECT, *arguments, env=self.env).stdout

    @contextlib.contextmanager
    def members(self, count: int = MEMBERS) -> Iterator[list[ClientConnection]]:
        """Clients in the room "lobby"; they alternate between the workers."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.connect()) for _ in range(count)]

    def connect(self) -> ClientConnection:
        """Connect a client to the room, whatever the size of the messages in it."""
        url = f"{self.server.ws_url}/room/lobby/"
        return connect(
            url, origin=self.server.url, proxy=None, open_timeout=DEADLINE, max_size=None
        )

    def hub(self) -> psutil.Process:
        """The process that listens on the hub's socket."""
        (path,) = [json.loads(self.env["SAMPLE_LAYER_CONFIG"])["address"].removeprefix("unix:")]
        (hub,) = [process for process in self.server.children() if _listens(process, path)]
        return hub


def _listens(process: psutil.Process, path: str) -> bool:
    with contextlib.suppress(psutil.Error):
        found = process.net_connections(kind="unix")
        return any(connection.laddr == path for connection in found) and not process.children()
    return False


def heard(members: Iterable[ClientConnection], count: int = 1) -> list[list[str]]:
    """The next messages of each member."""
    return [[json.loads(m.recv(DEADLINE))["text"] for _ in range(count)] for m in members]


@contextlib.contextmanager
def running_project(*options: str, nats_url: str = "") -> Iterator[Project]:
    """It runs, with these options; its groups are on the node of NATS, or else on a hub."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        if nats_url:
            layer, place = "NatsChannelLayer", {"servers": nats_url, "prefix": uuid.uuid4().hex}
        else:
            layer, place = "GrpcChannelLayer", {"address": f"unix:{directory}/groups.sock"}
        config = {**place, "capacity": MOST_MESSAGES}
        env = {
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "SAMPLE_DATABASE": f"{directory}/db.sqlite3",
            "SAMPLE_EVENTS": f"{directory}/events",
            "SAMPLE_APPS": "channels_bridge",
            "SAMPLE_LAYER": f"channels_bridge.layers.{layer}",
            "SAMPLE_LAYER_CONFIG": json.dumps(config),
        }
        with websockets_server(PROJECT, workers=2, env=env, arguments=options) as server:
            yield Project(server, env)


@pytest.fixture
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    """For one test, which may harm it; with the options that the test gives as its parameter."""
    with running_project(*getattr(request, "param", ())) as project:
        yield project
