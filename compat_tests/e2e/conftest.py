"""The examples on two workers, and real browser windows to look at them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from compat_tests.e2e.room import Room
from compat_tests.servers import REPOSITORY, Server, environment, websockets_server

BROWSER = shutil.which("chromium") or "/usr/bin/chromium"
DRIVER = shutil.which("chromedriver") or "/usr/bin/chromedriver"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1000,760",
)


class Site:
    """One example, served; and its management commands, run by other processes."""

    def __init__(self, project: Path, env: dict[str, str], server: Server) -> None:
        self.project = project
        self.env = env
        self.server = server

    def announce(self, room: str, text: str) -> None:
        manage(self.project, self.env, "announce", room, text)


def manage(project: Path, env: dict[str, str], *arguments: str) -> None:
    """Run a management command to its end."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=project, env=environment(env), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(params=["chat", "native"])
def site(request, socket_dir):
    """An example on two workers, with a database and a hub of this test's own."""
    project = REPOSITORY / "examples" / request.param
    env = {"CHAT_DATABASE": str(socket_dir / "chat.sqlite3"), "TMPDIR": str(socket_dir)}
    manage(project, env, "migrate", "--verbosity=0")
    with websockets_server(project, workers=2, env=env) as server:
        yield Site(project, env, server)
        print(server.log())  # which pytest shows if the test failed


@pytest.fixture
def enter(site, tmp_path_factory) -> Callable[[str, str], Room]:
    """Open a new browser, with a profile of its own, in a room."""
    require_chromium()
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    with ExitStack() as stack:

        def open_window(room: str, name: str) -> Room:
            options = ChromeOptions()
            options.binary_location = BROWSER
            for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
                options.add_argument(flag)
            driver = Chrome(options=options, service=Service(DRIVER))
            stack.callback(driver.quit)
            return Room(driver, site.server.url, room, name)

        yield open_window


def require_chromium() -> None:
    """Skip the test where there is no Chromium, but fail it in CI."""
    missing = [path for path in (BROWSER, DRIVER) if not Path(path).exists()]
    if missing:
        text = f"needs {' and '.join(missing)}: install Debian's chromium and chromium-driver"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(text)
