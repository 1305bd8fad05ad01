"""Other users' and other projects' hubs, found where this project has none."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from channels_bridge.groups.discovery import other_hubs
from channels_bridge.groups.discovery.hub_absence import has_left_members
from channels_bridge.groups.discovery.hub_address import Address, default_address
from channels_bridge.groups.discovery.hub_holder import Holder, find_holder
from channels_bridge.groups.discovery.other_hubs import Absence, explain_absence
from channels_bridge.groups.discovery.runtime_directory import (
    keep_private,
    leave,
    project_directory,
)
from channels_bridge.groups.grpc.hub.hub_lock import SocketPlace
from channels_bridge.project import control_client
from channels_bridge.server.monitoring.control_socket import NoAnswer

needs_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux shows who listens on unix sockets"
)


def listening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *paths: Path) -> Absence:
    """Have these paths listened on, as the kernel tells it."""
    lines = [f"0: 2 0 00010000 0001 01 7 {path}" for path in paths]
    other = f"0: 3 0 00000000 0001 03 8 {default_address().removeprefix('unix:')}"
    table = tmp_path / "unix"
    text = "\n".join(["Num RefCount ...", other, "0: 3 0 00000000 0001 03 9", *lines])
    table.write_bytes(os.fsencode(text))
    monkeypatch.setattr(other_hubs, "_SOCKETS", table)
    return explain_absence(Address.parse(default_address()))


@contextlib.contextmanager
def listening_at(path: Path) -> Iterator[None]:
    """Listen on a unix socket whose file is removed at the end."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        yield
        path.unlink(missing_ok=True)


@needs_linux
def test_server_of_another_user(base):
    """A server of the same project and another user is named, whichever directory it is in."""
    own = project_directory()
    theirs = base / own.name.replace(f"-{os.getuid()}-", "-33-") / "groups.sock"
    theirs.parent.mkdir()
    with listening_at(theirs):
        absence = explain_absence(Address.parse(default_address()))
        with pytest.raises(NoAnswer, match="another user's server serves at"):
            control_client.find_server()
    assert absence.reason == f"another user's server serves at unix:{theirs}"
    assert absence.advice.startswith("run this as ")
    assert absence.is_elsewhere


@needs_linux
def test_server_with_another_tmp(base):
    """A server whose /tmp is another one is told from one that doesn't run."""
    path = Address.parse(default_address()).path
    keep_private(path.parent)
    with listening_at(path):
        path.unlink()  # here, but not where that server is
        absence = explain_absence(Address.parse(default_address()))
    leave(path.parent)
    assert "PrivateTmp" in absence.reason
    assert "WEBSOCKET_RUNTIME_DIR" in absence.advice
    assert absence.is_elsewhere


def test_server_of_another_place(base, monkeypatch, use, tmp_path):
    """Servers of this user's other projects are named with their places, if they run."""
    use("settings", "/srv/shop/settings.py")
    shop = Address.parse(default_address())
    place = SocketPlace(shop.path, holder=replace(Holder.own(), pid=4711), is_private=True)
    assert place.try_take()
    use("settings", "/srv/shop-2/settings.py")
    absence = listening(monkeypatch, tmp_path, shop.path)
    assert "belongs to /srv/shop-2, and servers run for /srv/shop (unix:" in absence.reason
    assert not absence.is_elsewhere
    assert str(find_holder(str(shop))).endswith("PID 4711, in /srv/shop, with settings")
    place.close()
    assert find_holder(str(shop)) is None
    assert not listening(monkeypatch, tmp_path, shop.path).reason


@needs_linux
def test_server_without_the_address(base, socket_dir):
    """A process has an address, and the project's server has none: it is told where that is."""
    default, other = Address.parse(default_address()), Address.parse(f"unix:{socket_dir}/g.sock")
    assert explain_absence(other) == Absence()
    keep_private(default.path.parent)
    with listening_at(default.path):
        absence = explain_absence(other)
    leave(default.path.parent)
    assert absence.reason == f"a server of this project serves at {default}"
    assert absence.advice.startswith("write the same `address` into the CONFIG of both")
    assert not absence.is_elsewhere


@pytest.mark.parametrize("kind", ["fifo", "garbage", "link", "directory"])
def test_lock_of_others(socket_dir, kind):
    """What somebody else has put in the place of a lock is nobody's, and holds nobody up."""
    lock = socket_dir / "groups.sock.lock"
    if kind == "fifo":
        os.mkfifo(lock)
    elif kind == "garbage":
        lock.write_text('{"pid": 1}')
    elif kind == "link":
        lock.symlink_to("/etc/passwd")
    else:
        lock.mkdir()
    assert find_holder(f"unix:{socket_dir}/groups.sock") is None


@needs_linux
def test_names_that_others_choose(base, monkeypatch, tmp_path):
    """No name that somebody gives a socket of theirs hides a server, or is an error."""
    own = project_directory()
    theirs = f"/x/{own.name.replace(f'-{os.getuid()}-', '-33-')}/groups.sock"
    names = [f"@{end}1: 2 3 flags 5 6 7 8" for end in "\n\r\x0b\x0c\x1c\x85\u2028"]
    absence = listening(monkeypatch, tmp_path, *names, "@\udcff", theirs)
    assert absence.reason == f"another user's server serves at unix:{theirs}"


@needs_linux
def test_directory_that_cannot_be_entered(base, monkeypatch):
    """A server whose directory this user can't enter is not taken for one elsewhere."""
    path = base / "closed" / "groups.sock"
    path.parent.mkdir(0o000)
    monkeypatch.setattr(other_hubs, "_listening", lambda: iter([str(path)]))
    user = os.geteuid()
    if user == 0:  # who may enter it
        os.seteuid(12345)
    try:
        assert not explain_absence(Address.parse(f"unix:{path}")).reason
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("kind", ["fifo", "link", "directory", "foreign"])
def test_roster_of_others(socket_dir, monkeypatch, kind):
    """Nor does what is put in the place of a hub's roster hold up the next hub, or a process."""
    path = socket_dir / "groups.sock"
    place = SocketPlace(path)
    roster = socket_dir / "groups.sock.roster"
    if kind == "fifo":
        os.mkfifo(roster)
    elif kind == "link":
        roster.symlink_to("/etc/passwd")
    elif kind == "directory":
        roster.mkdir()
    else:
        roster.write_text("[]")
        user = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
    assert place.read_roster() is None
    assert not has_left_members(Address.parse(f"unix:{path}"))
    place.close()


def test_nobody_serves(base, monkeypatch, tmp_path):
    """Where no server runs, and where the address is a given one, there is nothing to add."""
    assert not listening(monkeypatch, tmp_path, "/tmp/other.sock").reason
    assert not explain_absence(Address.parse("unix:/nowhere/groups.sock")).reason
    assert not explain_absence(Address.parse("127.0.0.1:1")).reason
