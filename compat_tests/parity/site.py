"""The sample project on a server, as its clients see it."""

from __future__ import annotations

import http.client
import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect, unix_connect

from compat_tests import servers
from compat_tests.clients.raw_connection import open_http
from compat_tests.servers import Server, run_python, wait_for

PROJECT = Path(__file__).resolve().parent.parent / "sample"

PEERS = ["daphne", "uvicorn"]
OURS = ["bridge-1", "bridge-2", "bridge-2-unix"]

#: One of ours whose groups are on NATS: for what is about groups.
OVER_NATS = "bridge-2-nats"

USER = {"username": "ada", "password": "lovelace-1843"}


def make_database(path: Path) -> None:
    """Make a migrated SQLite database with one user."""
    user = {f"DJANGO_SUPERUSER_{key.upper()}": value for key, value in USER.items()}
    env = {"SAMPLE_DATABASE": str(path), **user}
    for command in (["migrate"], ["createsuperuser", "--noinput", "--email", "ada@example.org"]):
        run_python(PROJECT, "manage.py", *command, "-v", "0", env=env)


@dataclass
class Response:
    """An HTTP response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes


class Site:
    """The sample project on one running server.

    Args:
        name: one of ``PEERS`` or ``OURS``.
        server: the running server.
        events_path: the file that its consumers record events in.
    """

    def __init__(self, name: str, server: Server, events_path: Path) -> None:
        self.name = name
        self.server = server
        self.events_path = events_path
        self._log_start = 0

    def start_log(self) -> None:
        """Let ``log()`` and ``wait_for_log()`` see only what the server says from now on."""
        self._log_start = len(self.server.log())

    def log(self) -> str:
        return self.server.log()[self._log_start :]

    def wait_for_log(self, text: str) -> None:
        """Wait until the server has logged ``text``."""
        self.server.wait_until(lambda: text in self.log(), f"{text!r} in the log", 10)

    def connect(self, path: str, *, origin: str | None = None, **options: Any) -> ClientConnection:
        """Open a WebSocket; from the site's own origin unless told otherwise."""
        options |= {"uri": self.server.ws_url + path, "origin": origin or self.server.url}
        if self.server.address.startswith("unix:"):
            return unix_connect(self.server.path, **options)
        return connect(**options)

    def events(self, connection: str) -> list[dict[str, Any]]:
        """What consumers recorded for the connection with that id, in order."""
        lines = self.events_path.read_text().splitlines()
        events = [json.loads(line) for line in lines]
        return [event for event in events if event["id"] == connection]

    def wait_for_event(self, connection: str, name: str) -> None:
        """Wait until a consumer has recorded an event of that name."""

        def happened() -> bool:
            return any(event["event"] == name for event in self.events(connection))

        assert wait_for(happened, 10), f"no event {name!r}"

    def disconnects(self, connection: str) -> list[int]:
        """The codes that ``disconnect()`` was called with, once per call."""
        return [e["code"] for e in self.events(connection) if e["event"] == "disconnect"]

    def wait_for_disconnect(self, connection: str) -> int:
        """Wait until ``disconnect()`` has run, which it may do once only. Returns its code."""
        assert wait_for(lambda: self.disconnects(connection), 10), "disconnect() did not run"
        (code,) = self.disconnects(connection)
        return code

    def http(self) -> closing[http.client.HTTPConnection]:
        """A connection for several HTTP requests, to be used in a ``with`` statement."""
        return open_http(self.server.address)

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Response:
        """Make one HTTP request; ``content_type="..."`` gives the header Content-Type."""
        with self.http() as client:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            client.request(method, path, body, names)
            response = client.getresponse()
            return Response(response.status, response.headers, response.read())


@contextmanager
def serve(name: str, database: Path, **env: str) -> Iterator[Site]:
    """Start the server of that name on the sample project; more environment may be given."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        folder = Path(directory)
        events_path = folder / "events"
        events_path.touch()
        env = {"SAMPLE_DATABASE": str(database), "SAMPLE_EVENTS": str(events_path), **env}
        with start(name, folder, env) as server:
            yield Site(name, server, events_path)


def start(name: str, folder: Path, env: dict[str, str]) -> AbstractContextManager[Server]:
    """The server of that name; its sockets go into ``folder``."""
    if name in PEERS:
        return getattr(servers, name)(PROJECT, env=env)
    layer = {
        "SAMPLE_APPS": "channels_bridge",
        "SAMPLE_LAYER": "channels_bridge.layers.GrpcChannelLayer",
        "SAMPLE_LAYER_CONFIG": json.dumps({"address": f"unix:{folder / 'groups.sock'}"}),
    }
    unix = folder / "http.sock" if name.endswith("-unix") else None
    workers = int(name.split("-")[1])
    # The default of 10 seconds is too long to wait for in tests.
    limit = ["--handshake-timeout", "4"]
    return servers.websockets_server(
        PROJECT, workers=workers, unix=unix, env=layer | env, arguments=limit
    )


def observed(site: Site) -> Iterator[Site]:
    """Print what the server says during one test, so that pytest shows it beside a failure."""
    site.start_log()
    yield site
    print(site.log())
