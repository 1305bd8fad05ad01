"""Unix sockets whose files are removed while a server listens on them."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from unittest.mock import Mock

import pytest

from channels_bridge.common import unix_sockets
from channels_bridge.common.unix_sockets import SocketFile
from channels_bridge.server import socket_renewal
from channels_bridge.server.bind import parse_binds
from channels_bridge.server.listen import listen
from channels_bridge.server.listening_socket import listen_privately
from channels_bridge.server.monitoring.control_socket import ask, serving_control_socket
from channels_bridge.server.supervisor import acceptor
from channels_bridge.server.supervisor.acceptor import Acceptor
from compat_tests.clients.raw_connection import open_socket
from compat_tests.engine import DEADLINE, until


@pytest.fixture
def path(socket_dir):
    """A socket's path, in a directory of its own."""
    directory = socket_dir / "private"
    directory.mkdir(0o700)
    return directory / "a.sock"


@pytest.fixture
def listener(path):
    """A listener on that socket."""
    (listener,) = listen(parse_binds([f"unix:{path}"]))
    yield listener
    listener.close()


@pytest.mark.parametrize("gone", ["file", "directory"])
def test_removed(listener, path, gone, caplog):
    """The file is made again with its mode, in a private directory that is made again, too."""
    former = listener.sock
    path.unlink() if gone == "file" else shutil.rmtree(path.parent)
    assert listener.restore()
    former.close()
    assert path.stat().st_mode & 0o777 == 0o666
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with open_socket(f"unix:{path}"):
        listener.sock.accept()[0].close()
    assert "was removed; it is made again" in caplog.text
    assert not listener.restore()


def test_path_without_a_directory(path, monkeypatch):
    """A path may be relative to the working directory, for as long as the server was started in
    it.
    """
    monkeypatch.chdir(path.parent)
    listener = listen_privately(path.name)
    monkeypatch.chdir("/")
    assert not listener.restore()
    listener.close()
    assert not path.exists()


@pytest.mark.parametrize(
    ("error", "lost"),
    [(FileNotFoundError, True), (NotADirectoryError, True), (PermissionError, False)],
)
def test_file_that_cannot_be_looked_at(listener, path, monkeypatch, error, lost):
    """Only what isn't there was removed: a directory that can't be entered now may have it."""
    file = SocketFile(str(path))
    monkeypatch.setattr(unix_sockets.os, "lstat", Mock(side_effect=error))
    assert file.is_lost() == lost
    monkeypatch.undo()


def test_replaced(listener, path):
    """What another server has put there is left alone."""
    path.rename(path.with_name("moved"))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        assert not listener.restore()
        listener.close()
        assert path.exists()


def test_directory_of_others(socket_dir, caplog):
    """A public directory is not made again: it is said once, and mended when it is there."""
    directory = socket_dir / "public"
    directory.mkdir(0o755)
    (listener,) = listen(parse_binds([f"unix:{directory}/a.sock"]))
    shutil.rmtree(directory)
    for _ in range(2):
        assert not listener.restore()
    assert caplog.text.count("cannot be made again: its directory does not exist") == 1
    directory.mkdir(0o755)
    former = listener.sock
    assert listener.restore()
    former.close()
    listener.close()


def test_files_look_new(listener, path, monkeypatch):
    """A socket that is in use never looks old, so that nothing cleans it away."""
    monkeypatch.setattr(unix_sockets, "TOUCH_INTERVAL", 0)
    os.utime(path, (0, 0))
    assert not listener.restore()
    assert time.time() - path.stat().st_mtime < 60


async def test_acceptor(listener, path, monkeypatch):
    """Who comes after the removal is accepted, and so is who came right before it."""
    monkeypatch.setattr(acceptor, "INTERVAL", 0.01)
    worker = Worker()
    accepting = Acceptor([listener], lambda: [worker])
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as before, socket.socket(socket.AF_UNIX) as after:
        before.connect(str(path))
        path.unlink()
        accepting.start()
        await until(path.exists)
        after.setblocking(False)
        await loop.sock_connect(after, str(path))
        await until(lambda: worker.connections == 2)
    accepting.stop()
    assert not path.exists()


class Worker:
    """A worker that takes every connection, and counts them."""

    available = True
    connections = 0

    def pass_connection(self, sock):
        self.connections += 1
        return True


async def test_console(path, monkeypatch):
    """The socket on which a server is asked comes back, and answers."""
    monkeypatch.setattr(socket_renewal, "INTERVAL", 0.01)

    async def answer(question):
        return question

    async with serving_control_socket(path, answer):
        shutil.rmtree(path.parent)
        await until(path.exists)
        assert path.stat().st_mode & 0o777 == 0o600
        asking = asyncio.to_thread(ask, path, {"number": 7}, DEADLINE)
        assert await asyncio.wait_for(asking, DEADLINE) == {"number": 7}
    assert not path.exists()


async def test_console_that_is_not_required(socket_dir, caplog):
    """A server without a place for that socket serves all the same, and says so."""
    async with serving_control_socket(socket_dir / "missing" / "a.sock", None, required=False):
        pass
    assert "websockets_status will not find this server" in caplog.text
