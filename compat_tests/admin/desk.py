"""The project of this folder on a real server, and its admin as somebody of the staff uses it."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from compat_tests.clients.raw_connection import DEADLINE
from compat_tests.servers import Server, run_python, websockets_server

SITE = Path(__file__).parent / "site"
USER = {"username": "ada", "password": "lovelace-1843"}


class Desk:
    """A running server, and a browser without a screen that has logged in."""

    def __init__(self, server: Server, env: dict[str, str], url: str | None = None) -> None:
        self.server = server
        self.env = env
        self.url = url or server.url
        self.cookies = http.cookiejar.CookieJar()
        handler = urllib.request.HTTPCookieProcessor(self.cookies)
        self._opener = urllib.request.build_opener(handler)

    def get(self, path: str) -> str:
        """A page; an error that is answered with another status than 200 is raised."""
        with self._opener.open(self.url + path, timeout=DEADLINE) as response:
            text: str = response.read().decode()
        return text

    def post(self, path: str, **form: str) -> str:
        """Send the form of a page; returns the page that is shown then."""
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))[-1:])
        data = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": token}).encode()
        with self._opener.open(self.url + path, data, timeout=DEADLINE) as response:
            text: str = response.read().decode()
        return text

    def log_in(self) -> None:
        assert "Site administration" in self.post("/admin/login/?next=/admin/", **USER)

    def connect(self, group: str, *, with_user: bool = True) -> ClientConnection:
        """A WebSocket, of the same user where that is wanted."""
        cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
        headers = {"Cookie": cookie} if with_user else {}
        return connect(f"{self.server.ws_url}/ws/{group}/", additional_headers=headers)


@contextmanager
def open_desk(directory: Path) -> Iterator[Desk]:
    """The server with two workers, and a database with one superuser."""
    env = {"RUNTIME_DIR": str(directory), "DATABASE": str(directory / "db.sqlite3")}
    known = {f"DJANGO_SUPERUSER_{key.upper()}": value for key, value in USER.items()}
    for command in (["migrate"], ["createsuperuser", "--noinput", "--email", "ada@example.org"]):
        run_python(SITE, "manage.py", *command, "-v", "0", env={**env, **known})
    with websockets_server(SITE, workers=2, env=env) as server:
        desk = Desk(server, env)
        desk.log_in()
        yield desk
