"""One sample project, served by each server in turn, with the same client for all of them.

``site`` is every server; ``ours`` is ``websockets_server`` only, for what its peers do differently
or not at all. A server starts when a test first asks for it, and runs until the end of the session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from compat_tests.parity.site import OURS, OVER_NATS, PEERS, Site, make_database, observed, serve


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database with one user."""
    path = tmp_path_factory.mktemp("database") / "db.sqlite3"
    make_database(path)
    return path


@pytest.fixture(scope="session")
def running(database: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Site]]:
    """Gives the site on the server of that name, which it starts the first time."""
    started: dict[str, Site] = {}
    with ExitStack() as stack:

        def site(name: str) -> Site:
            if name not in started:
                env = layer_of(name, request)
                started[name] = stack.enter_context(serve(name, database, **env))
            return started[name]

        yield site


def layer_of(name: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """What the sample's settings read of a layer, where it is another one than usual."""
    if name != OVER_NATS:
        return {}
    config = {"servers": request.getfixturevalue("nats_server").url, "prefix": "parity"}
    return {
        "SAMPLE_LAYER": "channels_bridge.layers.NatsChannelLayer",
        "SAMPLE_LAYER_CONFIG": json.dumps(config),
    }


@pytest.fixture(params=[*PEERS, *OURS])
def site(request: pytest.FixtureRequest, running: Callable[[str], Site]) -> Iterator[Site]:
    """Every server."""
    yield from observed(running(request.param))


@pytest.fixture(params=OURS)
def ours(request: pytest.FixtureRequest, running: Callable[[str], Site]) -> Iterator[Site]:
    """Each way to run ``websockets_server``."""
    yield from observed(running(request.param))
