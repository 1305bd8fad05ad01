"""The site on two workers, for all tests that leave it as it was."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from compat_tests.servers import Server, websockets_server

SITE = Path(__file__).parent / "site"
DEADLINE = 20


class Desk:
    """Asks consumers to do something."""

    #: Where the scheduler writes, if there is one.
    schedule: Path

    def __init__(self, server: Server) -> None:
        self.server = server

    @contextmanager
    def connected(self, path: str = "/") -> Iterator[Callable[..., Any]]:
        """Connect, and give a function that asks for a chore and returns the answer."""
        with connect(self.server.ws_url + path, proxy=None) as websocket:

            def ask(*chore: object) -> Any:
                websocket.send(json.dumps(chore))
                return json.loads(websocket.recv(DEADLINE))

            ask.websocket = websocket
            yield ask


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """The desk on two workers, which also run the scheduler."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        env = {"SCHEDULE": f"{directory}/schedule", "TMPDIR": directory}
        with websockets_server(SITE, workers=2, env=env) as server:
            desk = Desk(server)
            desk.schedule = Path(directory, "schedule")
            yield desk
