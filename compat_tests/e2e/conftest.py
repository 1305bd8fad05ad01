"""The examples on two workers, and real browser windows to look at them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from compat_tests.browser import open_chromium, require_chromium
from compat_tests.e2e.room import Room
from compat_tests.servers import REPOSITORY, Server, run_python, websockets_server


class Site:
    """One example, served; and its management commands, run by other processes."""

    def __init__(self, project: Path, env: dict[str, str], server: Server) -> None:
        self.project = project
        self.env = env
        self.server = server

    def announce(self, room: str, text: str) -> None:
        run_python(self.project, "manage.py", "announce", room, text, env=self.env)


@pytest.fixture(scope="module", params=["chat", "native"])
def served(request: pytest.FixtureRequest) -> Iterator[Site]:
    """An example on two workers, with a database and a hub of these tests' own."""
    project = REPOSITORY / "examples" / request.param
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        env = {"CHAT_DATABASE": f"{directory}/chat.sqlite3"}
        run_python(project, "manage.py", "migrate", "--verbosity=0", env=env)
        with websockets_server(project, workers=2, env=env) as server:
            yield Site(project, env, server)


@pytest.fixture
def site(served: Site) -> Iterator[Site]:
    yield served
    print(served.server.log())  # which pytest shows if the test failed


@pytest.fixture
def enter(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Room]]:
    """Open a new browser, with a profile of its own, in a room."""
    require_chromium()
    with ExitStack() as stack:

        def open_window(room: str, name: str) -> Room:
            driver = open_chromium(tmp_path_factory.mktemp("profile"))
            stack.callback(driver.quit)
            return Room(driver, site.server.url, room, name)

        yield open_window
