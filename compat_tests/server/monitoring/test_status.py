"""``manage.py websockets_status``, of a real server."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, ExitStack

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command

from channels_bridge.layers import get_channel_layer
from channels_bridge.project import control_client
from channels_bridge.server.monitoring.census import Census
from channels_bridge.server.monitoring.control_socket import NoAnswer, ask
from channels_bridge.server.monitoring.status import serving_status
from channels_bridge.testing import using_hub
from compat_tests.parity.site import PROJECT
from compat_tests.servers import environment


def test_workers_groups_and_clients(site):
    """Connections, groups by size and clients are those of all workers."""
    rooms = ["/room/large/", "/room/large/", "/room/large/", "/room/small/"]
    with ExitStack() as stack:
        for room in rooms:
            stack.enter_context(site.connect(room))
        status = site.status()
        assert status["state"] == "serving"
        assert [worker["state"] for worker in status["workers"]] == ["ready", "ready"]
        assert [worker["connections"] for worker in status["workers"]] == [2, 2]
        assert all(worker["tasks"] > worker["connections"] for worker in status["workers"])
        assert all(worker["hub"]["connected"] for worker in status["workers"])
        assert status["groups"] == [
            {"group": "large", "members": 3},
            {"group": "small", "members": 1},
        ]
        assert sorted(client["path"] for client in status["slowest"]) == sorted(rooms)
        assert site.status(top=1)["groups"] == [{"group": "large", "members": 3}]


def test_plain(site):
    """The same for people: a table of workers, one of groups and one of clients."""
    with site.connect("/room/lounge/"), site.connect("/room/lounge/"):
        text = site.manage("websockets_status", "--top", "1")
    assert f"[{site.server.pid}], serving, for 0:0" in text
    assert f"listening at http://{site.server.address}/" in text
    assert "members  group\n2        lounge\n" in text
    assert "/room/lounge/" in text


def test_handlers(site):
    """--handlers says of the group handlers of consumers that have run which are shared."""
    with site.connect("/room/lounge/"):
        text = site.manage("websockets_status", "--handlers")
        status = json.loads(site.manage("websockets_status", "--handlers", "--json"))
    lines = [line.split() for line in text.splitlines()]
    assert ["consumer", "handler", "shared"] in lines
    assert ["lobby.rooms.RoomConsumer", "room_message", "yes"] in lines
    rows = [row for row in status["handlers"] if row["consumer"] == "lobby.rooms.RoomConsumer"]
    assert rows == [
        {
            "consumer": "lobby.rooms.RoomConsumer",
            "handler": "room_message",
            "shared": True,
            "why": None,
        }
    ]
    assert "handlers" not in site.status()


def test_watch(site):
    """--watch prints it again and again, until Ctrl-C, which is no error."""
    command = [sys.executable, "manage.py", "websockets_status", "--json", "--watch", "0.1"]
    watching = subprocess.Popen(
        command, cwd=PROJECT, env=environment(site.env), stdout=subprocess.PIPE
    )
    with watching:
        for _ in range(2):
            assert json.loads(watching.stdout.readline())["state"] == "serving"
        watching.send_signal(signal.SIGINT)
    assert watching.returncode == 0


def test_piped_to_head(site):
    """Where whoever reads has seen enough, --watch ends without a word."""
    command = [sys.executable, "manage.py", "websockets_status", "--watch", "0.1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=PROJECT, env=environment(site.env), **pipes) as watching:
        watching.stdout.readline()
        watching.stdout.close()
        assert watching.stderr.read() == b""
    assert watching.returncode == 0


def test_no_server(site):
    """Where no server runs, the error is one line that says so."""
    error = site.manage("websockets_status", "--server", "/nowhere.sock", code=1)
    assert error == "CommandError: no server runs at /nowhere.sock\n"


def test_what_a_killed_server_left(site):
    """The socket of a server that was killed misleads nobody."""
    left = str(site.control.with_name("server-1.sock"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(left)
    status = json.loads(site.manage("websockets_status", "--json"))
    assert status["pid"] == site.server.pid
    os.unlink(left)


def test_only_this_user_may_ask(site):
    """The socket and its directory are private."""
    assert site.control.parent.stat().st_mode & 0o777 == 0o700
    assert site.control.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "arguments", [["--watch", "0"], ["--watch", "-1"], ["--watch", "nan"], ["--top", "-1"]]
)
def test_options_that_mean_nothing(arguments):
    """An interval or a number that can't be is an error of the command line."""
    with pytest.raises(CommandError, match="invalid"):
        call_command("websockets_status", *arguments)


@pytest.fixture
async def servers(monkeypatch, socket_dir):
    """Three servers of one project: on TCP, on a unix socket, and one that is stuck."""
    monkeypatch.setattr(control_client, "project_directory", lambda: socket_dir)
    monkeypatch.setattr(control_client, "PATIENCE", 0.2)
    places = {"1": "http://127.0.0.1:8001/", "2": "unix:/run/two.sock"}
    async with AsyncExitStack() as stack:
        for name, url in places.items():
            path = socket_dir / f"server-{name}.sock"
            carriers = [f"gRPC at unix:/run/{name}/groups.sock"]
            about = {"version": "1", "listening": [url], "carriers": carriers}
            await stack.enter_async_context(serving_status(path, about, Census()))
        stuck = stack.enter_context(socket.socket(socket.AF_UNIX))
        stuck.bind(str(socket_dir / "server-3.sock"))
        stuck.listen()
        yield


async def test_several_servers(servers, socket_dir):
    """Where several servers run, the error names each by its address, and one is chosen by it."""

    def error(*arguments):
        with pytest.raises(CommandError) as caught:
            call_command("websockets_status", *arguments)
        return str(caught.value)

    known = (
        f"{socket_dir}/server-1.sock (listening at http://127.0.0.1:8001/), "
        f"{socket_dir}/server-2.sock (listening at unix:/run/two.sock), "
        f"{socket_dir}/server-3.sock (does not answer)"
    )
    text = await asyncio.to_thread(error)
    assert text == f"several servers are running; choose one with --server ADDRESS or PATH: {known}"
    text = await asyncio.to_thread(error, "--server", "127.0.0.1:8002")
    assert text == f"no server of this project listens at 127.0.0.1:8002; running: {known}"
    for server in (
        "127.0.0.1:8001",
        "http://127.0.0.1:8001",
        "unix:/run/two.sock",
        f"{socket_dir}/server-1.sock",
    ):
        shown = io.StringIO()
        await asyncio.to_thread(call_command, "websockets_status", server=server, stdout=shown)
        place = "unix:/run/two.sock" if "two" in server else "http://127.0.0.1:8001/"
        assert f"listening at {place}\ngroups over gRPC at unix:/run/" in shown.getvalue()


async def test_servers_at_other_hubs(servers, settings):
    """Where nobody answers ``websockets_close``, the error names the servers that run, by address,
    and what carries the groups of each.
    """
    backend = "channels_bridge.layers.GrpcChannelLayer"
    config = {"address": "unix:/run/nobody.sock", "timeout": 0.1}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": config}}

    def close(**options):
        with pytest.raises(CommandError) as caught:
            call_command("websockets_close", **options)
        return str(caught.value)

    with using_hub():
        text = await asyncio.to_thread(close, path="/x/")
    assert "at unix:/run/nobody.sock" in text
    assert text.endswith(
        "; running here: http://127.0.0.1:8001/ with groups over gRPC at unix:/run/1/groups.sock, "
        "unix:/run/two.sock with groups over gRPC at unix:/run/2/groups.sock"
    )
    assert "--user, --channel or --path" in await asyncio.to_thread(close)
    await asyncio.to_thread(async_to_sync(get_channel_layer().close))


def test_a_server_that_does_not_answer(socket_dir):
    """A server that is stuck is an error in time, and not a command that hangs."""
    path = socket_dir / "server-1.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        with pytest.raises(NoAnswer, match="doesn't answer"):
            ask(path, {}, 0.05)
