"""``manage.py runserver`` with channels_bridge where Daphne stood: real processes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from django.test import override_settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from channels_bridge.management.commands.runserver import Command
from channels_bridge.server.bind import TcpBind
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from compat_tests.servers import BRIDGE_READY, REPOSITORY, ServerFailed, run_python, running

READY = re.compile(r"Starting ASGI/channels_bridge version \S+ development server at http://(\S+)/")

SETTINGS = """
SECRET_KEY = "x"
DEBUG = {debug}
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["channels_bridge", "django.contrib.staticfiles"]
STATIC_URL = "/static/"
STATICFILES_DIRS = [__file__.rpartition("/")[0] + "/assets"]
ASGI_APPLICATION = "asgi.application"
WSGI_APPLICATION = None
CHANNEL_LAYERS = {{"default": {{"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}}}
DATABASES = {{}}
"""

ASGI = """
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

http = get_asgi_application()

class Room(AsyncWebsocketConsumer):
    groups = ["room"]

    async def connect(self):
        if self.scope["path"].startswith("/slow/"):
            return
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send("room", {"type": "say", "text": text_data})

    async def say(self, event):
        await self.send(event["text"])

routes = [path("ws/", Room.as_asgi()), path("slow/", Room.as_asgi())]
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(routes)})
"""

URLS = """
import time
from django.http import HttpResponse
from django.urls import path

def slow(request):
    time.sleep(2)
    return HttpResponse("late")

urlpatterns = [path("", lambda request: HttpResponse("one")), path("slow/", slow)]
"""


@pytest.fixture
def project(socket_dir: Path) -> Path:
    """A project with a page, a static file and a WebSocket."""
    (socket_dir / "assets").mkdir()
    (socket_dir / "assets" / "style.css").write_text("body {}")
    (socket_dir / "asgi.py").write_text(ASGI)
    (socket_dir / "urls.py").write_text(URLS)
    (socket_dir / "settings.py").write_text(SETTINGS.format(debug=True))
    return socket_dir


def runserver(project: Path, *options: str, port: int = 0):
    command = [sys.executable, "-m", "django", "runserver", f"127.0.0.1:{port}", *options]
    return running(command, project, READY, env=environment_of(project))


def environment_of(project: Path) -> dict[str, str]:
    path = os.pathsep.join([str(project), str(REPOSITORY)])
    return {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": path}


def change(server, file: Path, text: str) -> None:
    """Change a file, as often as it takes: the watching may begin only after the serving."""
    file.write_text(text)

    def is_noticed() -> bool:
        os.utime(file)
        return "changed, reloading" in server.log()

    server.wait_until(is_noticed, "the change noticed", 20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def get(server, path):
    with urlopen(server.url + path, timeout=10) as response:
        return response.read().decode()


def status_of_error(server, path):
    """The status of a page that is an error."""
    with pytest.raises(HTTPError) as refused:
        get(server, path)
    refused.value.close()
    return refused.value.code


def test_pages_static_files_and_sockets(project):
    """One development server for pages, static files and WebSockets, with Daphne's log lines."""
    with runserver(project, "--noreload") as server:
        assert get(server, "/") == "one"
        assert get(server, "/static/style.css") == "body {}"
        with connect(server.ws_url + "/ws/", proxy=None) as websocket:
            websocket.send("hello")
            assert websocket.recv(10) == "hello"
        server.wait_for_log("WebSocket DISCONNECT /ws/ [127.0.0.1:")
        log = server.log()
        assert re.search(r"HTTP GET /static/style.css 200 \[\d+\.\d\d, 127.0.0.1:\d+\]", log)
        for action in ("HANDSHAKING", "CONNECT"):
            assert f"WebSocket {action} /ws/ [127.0.0.1:" in log


def test_reload(project):
    """A change of a source file restarts it, on the same port."""
    with runserver(project, port=free_port()) as server:
        assert get(server, "/") == "one"
        change(server, project / "urls.py", URLS.replace('"one"', '"number two"'))
        server.wait_until(lambda: len(server.addresses) == 2, "a second start", 20)
        # Of another length: bytecode of the same second and size would pass for its own.
        assert get(server, "/") == "number two"


def test_limits(project):
    """The limits of Daphne's ``runserver`` have the same options."""
    options = ["--http_timeout", "1", "--websocket_handshake_timeout", "1"]
    sizes = ["--websocket-max-message-size", "10"]
    with runserver(project, "--noreload", *options, *sizes) as server:
        assert status_of_error(server, "/slow/") == 503
        with pytest.raises(InvalidStatus) as refused, connect(server.ws_url + "/slow/", proxy=None):
            pass
        assert refused.value.response.status_code == 504
        with connect(server.ws_url + "/ws/", proxy=None) as websocket:
            websocket.send("x" * 11)
            assert websocket.close_code is None or websocket.close_code == 1009
            server.wait_for_log("WebSocket DISCONNECT /ws/")
        assert websocket.close_code == 1009


@pytest.mark.parametrize(
    ("debug", "options", "served"),
    [(True, ["--nostatic"], False), (False, [], False), (False, ["--insecure"], True)],
)
def test_static_options(project, debug, options, served):
    """Static files are served in DEBUG, unless --nostatic; without DEBUG only with --insecure."""
    (project / "settings.py").write_text(SETTINGS.format(debug=debug))
    with runserver(project, "--noreload", *options) as server:
        if served:
            assert get(server, "/static/style.css") == "body {}"
        else:
            assert status_of_error(server, "/static/style.css") == 404


def test_status(project):
    """``websockets_status`` and ``websockets_close`` know this server as any other."""

    def manage(*arguments):
        command = ["-m", "django", *arguments]
        return run_python(project, *command, env=environment_of(project)).stdout

    with runserver(project, "--noreload") as server:
        with connect(server.ws_url + "/ws/", proxy=None) as websocket:
            status = json.loads(manage("websockets_status", "--connections", "--json"))
            assert status["listening"] == [f"{server.url}/"]
            assert [worker["connections"] for worker in status["workers"]] == [1]
            (row,) = status["connections"]["rows"]
            assert (row["path"], row["groups"]) == ("/ws/", ["room"])
            manage("websockets_close", "--connection", row["id"], "--code", "4001")
            with pytest.raises(ConnectionClosed, match="4001"):
                websocket.recv(10)


def test_noasgi(project):
    """``--noasgi`` is Django's own server."""
    port = free_port()
    ready = re.compile(r"Starting (?:WSGI )?development server at http://(\S+)/")
    command = [sys.executable, "-m", "django", "runserver", f"127.0.0.1:{port}", "--noreload"]
    with running([*command, "--noasgi"], project, ready, env=environment_of(project)) as server:
        assert get(server, "/") == "one"


def test_occupied_port(project):
    """A port that another server has: one line, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerFailed) as failed, runserver(project, "--noreload", port=port):
            pass
    assert "another server listens there" in str(failed.value)
    assert "Traceback" not in str(failed.value)


@pytest.mark.parametrize("command", ["runserver", "websockets_server"])
def test_database_at_import(project, command):
    """A project that uses its database while it is imported is served, as under Daphne."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(project / "db.sqlite3")}
    with (project / "settings.py").open("a") as settings:
        settings.write(f"\nDATABASES = {{'default': {database!r}}}\n")
    with (project / "asgi.py").open("a") as asgi:
        asgi.write("from django.db import connection\nconnection.ensure_connection()\n")
    if command == "runserver":
        with runserver(project, "--noreload") as server:
            assert get(server, "/") == "one"
    else:
        start = [sys.executable, "-m", "django", command, "-b", "127.0.0.1:0"]
        with running(start, project, BRIDGE_READY, env=environment_of(project)) as server:
            assert get(server, "/") == "one"


def test_workers_reload(project):
    """``websockets_server --reload`` replaces its workers, and waits where a file is broken."""
    start = [sys.executable, "-m", "django", "websockets_server", "-b", "127.0.0.1:0", "--reload"]
    with running(start, project, BRIDGE_READY, env=environment_of(project)) as server:
        assert get(server, "/") == "one"
        change(server, project / "asgi.py", ASGI + "this is no Python")
        server.wait_for_log("SyntaxError", deadline=20)
        (project / "asgi.py").write_text(ASGI)
        (project / "urls.py").write_text(URLS.replace('"one"', '"number two"'))
        server.wait_for_log("is ready", 3, deadline=20)  # the hub, a worker, the next one
        assert get(server, "/") == "number two"


def test_layer_that_cannot_be_made():
    """A BACKEND that can't be imported ends the start with one line, as in
    ``websockets_server``.
    """
    layers = {"default": {"BACKEND": "nowhere.Layer"}}
    config = ServerConfig(application="", binds=(TcpBind("", "127.0.0.1", 0),), http=False)
    refused = pytest.raises(StartupError, match="channel layer 'default'")
    with override_settings(CHANNEL_LAYERS=layers), refused:
        asyncio.run(Command().serve(config, lambda *_: None))
