"""One sample project, served by each server in turn, with the same client for all of them.

``site`` is every server; ``ours`` is ``websockets_server`` only, for what its peers do differently
or not at all. A server starts when a test first asks for it, and runs until the end of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from compat_tests.parity.site import OURS, PEERS, Site, make_database, serve


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database with one user."""
    path = tmp_path_factory.mktemp("database") / "db.sqlite3"
    make_database(path)
    return path


@pytest.fixture(scope="session")
def running(database: Path) -> Iterator[Callable[[str], Site]]:
    """Gives the site on the server of that name, which it starts the first time."""
    started: dict[str, Site] = {}
    with ExitStack() as stack:

        def site(name: str) -> Site:
            if name not in started:
                started[name] = stack.enter_context(serve(name, database))
            return started[name]

        yield site


@pytest.fixture(params=[*PEERS, *OURS])
def site(request: pytest.FixtureRequest, running: Callable[[str], Site]) -> Iterator[Site]:
    """Every server."""
    yield from observed(running(request.param))


@pytest.fixture(params=OURS)
def ours(request: pytest.FixtureRequest, running: Callable[[str], Site]) -> Iterator[Site]:
    """Each way to run ``websockets_server``."""
    yield from observed(running(request.param))


def observed(site: Site) -> Iterator[Site]:
    """Print what the server says during one test, so that pytest shows it beside a failure."""
    site.start_log()
    yield site
    print(site.log())
