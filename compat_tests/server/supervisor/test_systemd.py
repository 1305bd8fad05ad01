"""Socket activation and notifications of systemd, whose place a datagram socket takes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from websockets.sync.client import connect

from channels_bridge.server.supervisor.systemd import Notifier, listen_fds
from compat_tests.parity.site import PROJECT
from compat_tests.server.supervisor.test_supervisor import DEADLINE
from compat_tests.servers import BRIDGE_READY, engine, running

# Passes a listening socket as descriptor 3 to the process that it becomes.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@pytest.fixture
def systemd(socket_dir: Path):
    """The socket on which systemd hears from a service."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(DEADLINE)
        sock.bind(str(socket_dir / "notify"))
        yield sock


def hear(sock):
    """The next message that is no sign of life."""
    while (message := sock.recv(4096).decode()) == "WATCHDOG=1":
        pass
    return dict(line.split("=", 1) for line in message.splitlines())


async def test_notify(systemd: socket.socket, tmp_path: Path):
    """Type=notify-reload: systemd hears when the server serves, reloads, fails to, and stops."""
    broken = tmp_path / "broken"
    env = {
        "BROKEN": str(broken),
        "NOTIFY_SOCKET": systemd.getsockname(),
        "WATCHDOG_USEC": "300000",
    }
    with engine("127.0.0.1:0", "breakable", 1, env=env) as server:
        assert hear(systemd) == {"READY": "1", "STATUS": "Serving"}
        assert systemd.recv(4096) == b"WATCHDOG=1"
        broken.touch()
        server.signal(signal.SIGHUP)
        message = hear(systemd)
        assert message.pop("MONOTONIC_USEC").isdecimal()
        assert message == {"RELOADING": "1", "STATUS": "Starting new workers"}
        assert hear(systemd) == {"READY": "1", "STATUS": "Serving; the last reload failed"}
        server.signal(signal.SIGTERM)
        assert hear(systemd) == {"STOPPING": "1", "STATUS": "Closing connections"}


@pytest.mark.parametrize("kind", ["path", "abstract"])
async def test_the_watchdog_hears_of_health_only(kind, systemd: socket.socket, socket_dir: Path):
    """A server that is not healthy leaves the watchdog alone, and wakes it once it is again."""
    asked = asyncio.Event()
    health = iter([True, False, True])

    def healthy():
        try:
            return next(health)
        except StopIteration:
            asked.set()
            return False

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        abstract.bind(f"\0cb-{os.getpid()}")
        abstract.setblocking(False)
        systemd.setblocking(False)
        name = systemd.getsockname() if kind == "path" else f"@cb-{os.getpid()}"
        notifier = Notifier(healthy, {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000"})
        notifier.ready("Serving")
        await asyncio.wait_for(asked.wait(), DEADLINE)
        notifier.close()
        sock = systemd if kind == "path" else abstract
        heard = [sock.recv(100) for _ in range(3)]
        assert heard == [b"READY=1\nSTATUS=Serving", b"WATCHDOG=1", b"WATCHDOG=1"]
        with pytest.raises(BlockingIOError):
            sock.recv(100)


async def test_nobody_listens(socket_dir: Path, caplog):
    """A socket of systemd's that is gone is a line in the log, and no reason to stop."""
    Notifier(lambda: True, {"NOTIFY_SOCKET": str(socket_dir / "gone")}).stopping()
    assert "cannot notify systemd" in caplog.text


def test_sockets_of_another_process():
    """Sockets that were passed to a parent, which only left its environment, are not taken."""
    assert listen_fds({"LISTEN_PID": str(os.getppid()), "LISTEN_FDS": "1"}) == []
    assert listen_fds({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"}) == [3, 4]
    assert listen_fds({"LISTEN_PID": str(os.getpid())}) == []


def test_socket_activation(tmp_path: Path):
    """Without -b, the server serves on the socket that it is passed, which outlives it."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        command = [sys.executable, "-c", ACTIVATE, str(sock.fileno())]
        command += ["manage.py", "websockets_server"]
        env = {"SAMPLE_APPS": "channels_bridge", "SAMPLE_EVENTS": str(tmp_path / "events")}
        with running(command, PROJECT, BRIDGE_READY, env=env, pass_fds=[sock.fileno()]) as server:
            assert server.addresses == [f"127.0.0.1:{port}"]
            with connect(f"{server.ws_url}/echo/", origin=server.url) as client:
                client.send("hello")
                assert client.recv(DEADLINE) == "hello"
            assert server.stop() == 0
        # While no server runs, clients wait in the socket's queue.
        socket.create_connection(("127.0.0.1", port)).close()
