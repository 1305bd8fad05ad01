"""One server, the files that it needs, and what happens to them: as strangers' machines have it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from channels_bridge.groups.discovery.hub_holder import find_holder
from channels_bridge.groups.discovery.runtime_directory import digest_of
from channels_bridge.server.monitoring.control_socket import NoAnswer, ask
from compat_tests.clients.raw_connection import open_http
from compat_tests.servers import (
    BRIDGE_READY,
    environment,
    run_python,
    running,
    wait_for,
    websockets_server,
)

DEADLINE = 20.0

BASE = """
import json, os, sys

# As with django-configurations. A hub's process doesn't prepare anything.
assert "prepared" in sys.modules, "nobody has prepared these settings"

SECRET_KEY = "x"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["channels_bridge"]
ASGI_APPLICATION = "asgi.application"
CHANNEL_LAYERS = {
    "default": json.loads(
        os.environ.get("LAYER", '{"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}')
    )
}
"""

ASGI = """
import prepared
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

http = get_asgi_application()
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter([])})
"""

MANAGE = """
import os, sys
import prepared

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf.production")
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
"""


def write_project(directory: Path) -> None:
    """Write a project into a directory; its settings are for production and for workers."""
    (directory / "conf").mkdir(parents=True)
    files = {"conf/base": BASE, "asgi": ASGI, "urls": "urlpatterns = []", "manage": MANAGE}
    files["prepared"] = ""
    files |= dict.fromkeys(["conf/production", "conf/worker"], "from .base import *")
    for name, text in files.items():
        (directory / f"{name}.py").write_text(textwrap.dedent(text))


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A project with two releases, of which ``current`` is the first."""
    app = tmp_path_factory.mktemp("srv") / "app"
    for release in ("1", "2"):
        write_project(app / "releases" / release)
    (app / "current").symlink_to("releases/1")
    return app


@pytest.fixture(scope="module")
def directory(app):
    """Where the processes of the project meet."""
    return Path("/tmp", f"channels_bridge-{os.getuid()}-{digest_of(str(app / 'current'))}")


@pytest.fixture(scope="module")
def site(app, directory):
    """A server of the first release, on two unix sockets of its own."""
    directory.mkdir(0o700)
    with socket.socket(socket.AF_UNIX) as killed:  # what a server that was killed has left
        killed.bind(str(directory / f"server-{2**22 + 1}.sock"))
    sockets = app / "run"
    sockets.mkdir(0o700)
    options = ["--metrics", f"unix:{sockets}/m.sock", "--max-connections-per-address", "100"]
    with websockets_server(app / "current", unix=sockets / "s.sock", arguments=options) as server:
        yield server
    # Nothing is left behind: neither what the killed server left, nor what this one had.
    assert not directory.exists()
    assert not list(sockets.iterdir())


def manage(project: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    """Run a management command to its end."""
    return run_python(project, "manage.py", *arguments, env=env, code=None)


def test_other_settings_and_temporary_files(site, app, tmp_path):
    """A task with other settings and another TMPDIR finds the server, and reaches its workers."""
    env = {"DJANGO_SETTINGS_MODULE": "conf.worker", "TMPDIR": str(tmp_path)}
    done = manage(app / "releases" / "2", "websockets_close", "--path", "/nowhere/", **env)
    assert done.stdout == "0 connections closed\n", done.stderr
    assert not list(tmp_path.iterdir())


def test_another_release(site, app):
    """A server of another release joins the hub of the first, and says so where it starts."""
    with websockets_server(app / "releases" / "2") as server:
        first = app / "releases" / "1"
        assert (
            f"Uses the hub of the process with PID {site.pid}, in {first}, "
            f"with conf.production: groups with the same `prefix`" in server.log()
        )
    assert "Uses the hub of" not in site.log()


def test_removed_files(site, app, directory):
    """Sockets and locks that somebody removes while the server runs are all there again soon."""
    control = directory / f"server-{site.pid}.sock"
    sockets = app / "run"
    shutil.rmtree(directory)
    shutil.rmtree(sockets)
    address = f"unix:{directory}/groups.sock"
    assert wait_for(lambda: find_holder(address) is not None, DEADLINE)
    assert wait_for(lambda: is_connected(control), DEADLINE)
    for name, path, status in (("s", "/", 404), ("m", "/readyz", 200)):
        assert wait_for((sockets / f"{name}.sock").exists, DEADLINE)
        assert get(sockets / f"{name}.sock", path) == status
    done = manage(app / "current", "websockets_close", "--path", "/nowhere/")
    assert done.stdout == "0 connections closed\n", done.stderr
    assert wait_for(lambda: list(directory.glob("ledger-*/ledger.sock")), DEADLINE)


def is_connected(control: Path) -> bool:
    """Whether the server answers that its workers reach the hub."""
    try:
        workers = ask(control, {}, DEADLINE)["workers"]
    except NoAnswer:
        return False
    return all((worker["hub"] or {}).get("connected") for worker in workers)


def get(path: Path, page: str) -> int:
    """Get a page over a unix socket; returns its status."""
    with open_http(f"unix:{path}") as client:
        client.request("GET", page)
        return client.getresponse().status


# A read-only file system

READ_ONLY = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    'for d in /tmp /var/tmp /dev/shm "$PWD"; do'
    ' mount --bind "$d" "$d" && mount -o remount,ro,bind "$d" || exit 99; done;'
    ' cd "$PWD"; exec "$@"',
    "read-only",
]


def can_mount() -> bool:
    """Whether this user may have a file system that is read-only."""
    command = [*READ_ONLY, "true"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(command, capture_output=True).returncode
    )


needs_mount = pytest.mark.skipif(not can_mount(), reason="a read-only file system takes root")

MEMORY = '{"BACKEND": "channels.layers.InMemoryChannelLayer"}'


def serve_read_only(*options: str) -> list[str]:
    return [*READ_ONLY, sys.executable, "-B", "manage.py", "websockets_server", *options]


@needs_mount
def test_what_needs_no_directory(app):
    """On a read-only file system a server serves whose groups are elsewhere, with one warning."""
    command = serve_read_only("-b", "127.0.0.1:0")
    with running(command, app / "releases" / "1", BRIDGE_READY, env={"LAYER": MEMORY}) as server:
        log = server.log()
    assert "Traceback" not in log
    assert log.count("set WEBSOCKET_RUNTIME_DIR to a directory that this user may write to") == 1
    assert "websockets_status will not find this server: /tmp/channels_bridge-" in log


@needs_mount
@pytest.mark.parametrize(
    ("layer", "options", "words"),
    [
        (None, [], "set WEBSOCKET_RUNTIME_DIR to a directory that this user may write to, or set"),
        (MEMORY, ["--max-connection-rate", "5"], "--max-connection-rate needs a directory: /tmp/"),
    ],
)
def test_what_needs_a_directory(app, layer, options, words):
    """What can't do without a directory says in one sentence what moves it."""
    done = subprocess.run(
        serve_read_only("-b", "127.0.0.1:0", *options),
        cwd=app / "releases" / "1",
        env=environment({"LAYER": layer} if layer else {}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2  # an error, and the warning for websockets_status
