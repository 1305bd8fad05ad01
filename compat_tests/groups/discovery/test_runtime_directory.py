"""The runtime directory, where the processes of a project find each other, or learn why not."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import LazySettings

from channels_bridge.groups.discovery import other_hubs, runtime_directory
from channels_bridge.groups.discovery.hub_absence import has_left_members
from channels_bridge.groups.discovery.hub_address import Address, default_address
from channels_bridge.groups.discovery.hub_lock import Holder, find_holder
from channels_bridge.groups.discovery.other_hubs import Absence, explain_absence
from channels_bridge.groups.discovery.runtime_directory import (
    keep_private,
    leave,
    private_directory,
    project_directory,
    remove_unused,
)
from channels_bridge.groups.grpc.hub.hub_files import SocketPlace
from channels_bridge.project import control_client
from channels_bridge.server.monitoring.control_socket import NoAnswer

needs_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux shows who listens on unix sockets"
)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> Callable[..., Path]:
    """Makes a settings module the one in use, as if it had been imported from a file."""

    def use(name: str, file: Path | str, *, package: bool = False) -> Path:
        module = ModuleType(name)
        module.__file__ = str(file)
        if package:
            module.__path__ = [str(Path(file).parent)]
        monkeypatch.setitem(sys.modules, name, module)
        settings.SETTINGS_MODULE = name
        return project_directory()

    return use


@pytest.fixture
def base(settings: LazySettings, socket_dir: Path) -> Path:
    settings.WEBSOCKET_RUNTIME_DIR = str(socket_dir)
    return socket_dir


# What they share


def test_processes_of_one_project(use, monkeypatch, tmp_path):
    """Settings modules of one project lead to one place, however they are named or nested."""
    places = {
        use("mysite.settings", tmp_path / "mysite/settings.py"),
        use("mysite.settings.worker", tmp_path / "mysite/settings/worker.py"),
        use("config.settings", tmp_path / "config/settings/__init__.py", package=True),
        use("settings_cron", tmp_path / "settings_cron.py"),
    }
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    places.add(use("mysite.settings.production", "mysite/settings/production.py"))
    assert len(places) == 1
    assert use("mysite.settings", tmp_path / "other/mysite/settings.py") not in places


def test_links(use, tmp_path):
    """A project that is reached by a link is the same, and a linked settings file moves nothing."""
    (tmp_path / "site").mkdir()
    (tmp_path / "link").symlink_to("site")
    (tmp_path / "etc.py").touch()
    (tmp_path / "site" / "settings.py").symlink_to(tmp_path / "etc.py")
    there = use("settings", tmp_path / "site/settings.py")
    assert use("settings", tmp_path / "link/settings.py") == there
    assert use("settings", tmp_path / "etc.py") != there


def test_packages_of_one_environment(use, tmp_path):
    """Projects that are installed side by side don't meet; nor does one in a zip file get lost."""
    installed = tmp_path / "site-packages"
    shop = use("shop.settings", installed / "shop/settings.py")
    assert use("shop.settings.cron", installed / "shop/settings/cron.py") == shop
    assert use("blog.settings", installed / "blog/settings.py") != shop
    zipped = use("shop.settings", tmp_path / "shop.zip/shop/settings.py")
    assert use("shop.cron", tmp_path / "shop.zip/shop/cron.py") == zipped != shop


def test_settings_without_a_module(settings, monkeypatch, tmp_path):
    """Settings that come from no file belong to the working directory."""
    settings.SETTINGS_MODULE = None
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    monkeypatch.chdir(tmp_path)
    here = project_directory()
    monkeypatch.chdir("/")
    assert project_directory() != here


def test_releases(use, tmp_path):
    """Releases behind a link `current` share one place, before and after it is moved."""
    releases = [tmp_path / "app" / "releases" / number for number in ("1", "2")]
    for release in releases:
        release.mkdir(parents=True)
    first, second = (use("mysite.settings", r / "src/mysite/settings.py") for r in releases)
    assert first != second  # nothing says that they belong together
    current = tmp_path / "app" / "current"
    places = set()
    for target in releases:
        current.unlink(missing_ok=True)
        current.symlink_to(target)
        places |= {use("mysite.settings", r / "src/mysite/settings.py") for r in releases}
        places.add(use("mysite.settings", current / "src/mysite/settings.py"))
    assert len(places) == 1
    current.unlink()
    current.symlink_to(tmp_path)  # which is no release
    assert use("mysite.settings", releases[0] / "src/mysite/settings.py") == first


# The directory


def test_other_bases(monkeypatch, tmp_path):
    """Where /tmp can't be written to another directory is taken, and one that is there is used."""
    usable = str(tmp_path / "usable")
    os.mkdir(usable)
    monkeypatch.setattr(runtime_directory, "BASES", ("/no/such", usable, str(tmp_path)))
    assert project_directory().parent == Path(usable)
    name = project_directory().name
    (tmp_path / name).mkdir(0o700)
    assert project_directory().parent == tmp_path


def test_base_where_others_have_taken_the_name(monkeypatch, tmp_path):
    """What another user has put into one of the other directories leads nobody there."""
    bases = [tmp_path / name for name in "ab"]
    for base in bases:
        base.mkdir()
    monkeypatch.setattr(runtime_directory, "BASES", [str(base) for base in bases])
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    name = project_directory().name
    (bases[1] / name).mkdir(0o700)
    assert project_directory().parent == bases[0]


def test_runtime_dir(base):
    """WEBSOCKET_RUNTIME_DIR moves all of it."""
    assert project_directory().parent == base
    assert default_address().startswith(f"unix:{base}/")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("run", "WEBSOCKET_RUNTIME_DIR is 'run': write the absolute path"),
        (7, "WEBSOCKET_RUNTIME_DIR is 7: write the absolute path"),
        ("/" + "x" * 100, "set WEBSOCKET_RUNTIME_DIR to a shorter one"),
    ],
)
def test_bad_runtime_dir(settings, value, words):
    """A value that can't be used is named, with what to write instead."""
    settings.WEBSOCKET_RUNTIME_DIR = value
    with pytest.raises(ValueError, match=words):
        default_address()


@pytest.mark.parametrize("where", ["/proc", "/sys", "/no/such", "{}/file"])
def test_directory_that_cannot_be_made(settings, socket_dir, where):
    """A place that even root can't write to is an error of one sentence, with the way out."""
    (socket_dir / "file").touch()
    settings.WEBSOCKET_RUNTIME_DIR = where.format(socket_dir)
    assert default_address()  # which nobody has to make who only looks for it
    with pytest.raises(ValueError, match="can't be made .*: set WEBSOCKET_RUNTIME_DIR to") as error:
        private_directory()
    assert "\n" not in str(error.value)


def test_unused_directories_are_removed(base):
    """What killed servers left is removed, unless it is in use, new, or not empty."""
    kept = keep_private(project_directory())
    stale, new, full = (base / f"{kept.name[:-1]}{name}" for name in "xyz")
    for path in (stale, new, full):
        path.mkdir(0o700)
    (full / "groups.sock.roster").touch()
    for path in (kept, stale, full):
        os.utime(path, (time.time() - 3600,) * 2)
    remove_unused()
    assert sorted(base.iterdir()) == sorted([kept, new, full])
    leave(kept)
    assert not kept.exists()


def test_directory_that_somebody_removes(base):
    """A directory that is gone is made again when it is needed."""
    kept = private_directory()
    kept.rmdir()
    assert private_directory() == kept
    assert kept.exists()
    leave(kept)


# What is found instead


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
