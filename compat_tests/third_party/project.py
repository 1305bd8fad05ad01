"""Runs the project with one package's application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from compat_tests.servers import Server, run_python, websockets_server

SITE = Path(__file__).resolve().parent / "site"


class Project:
    """The project with the application of one module of ``site/``.

    Args:
        directory: for its database and sockets.
        module: the application's.
        apps: more entries of INSTALLED_APPS.
        layer: the channel layer; ours over gRPC unless another is given.
    """

    def __init__(
        self, directory: Path, module: str, apps: str = "", layer: dict[str, Any] | None = None
    ) -> None:
        groups = {
            "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
            "CONFIG": {"address": f"unix:{directory / 'groups'}"},
        }
        self.env = {
            "THIRD_PARTY": module,
            "THIRD_PARTY_APPS": apps,
            "THIRD_PARTY_DATABASE": str(directory / "db.sqlite3"),
            "THIRD_PARTY_LAYER": json.dumps(layer or groups),
        }

    def manage(self, *arguments: str, **env: str) -> str:
        """Run a management command. Returns what it prints."""
        return run_python(SITE, "manage.py", *arguments, env={**self.env, **env}).stdout

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """Run ``websockets_server`` with 2 workers."""
        with websockets_server(SITE, workers=2, env=self.env) as server:
            yield server


def open_all(stack: Any, server: Server, path: str, count: int, **options: Any) -> list[Any]:
    """Open as many connections to a path: more than workers, so that groups cross processes."""
    return [stack.enter_context(connect(server.ws_url + path, **options)) for _ in range(count)]


def ask(websocket: ClientConnection, **message: Any) -> None:
    websocket.send(json.dumps(message))


def told(websocket: ClientConnection) -> Any:
    """The next message, which is JSON."""
    return json.loads(websocket.recv(10))
