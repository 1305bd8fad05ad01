"""The runtime directory, where the processes of a project find each other."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from channels_bridge.groups.discovery import runtime_directory
from channels_bridge.groups.discovery.hub_address import default_address
from channels_bridge.groups.discovery.runtime_directory import (
    keep_private,
    leave,
    private_directory,
    project_directory,
    remove_unused,
)

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
    """Releases behind a link ``current`` share one place, before and after it is moved."""
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


def test_old_history_is_removed(base):
    """Messages that a hub has left don't stay for ever where nobody uses them."""
    kept = keep_private(project_directory())
    used, old, recent = (kept, *(base / f"{kept.name[:-1]}{name}" for name in "xy"))
    for path, days in ((used, 20), (old, 20), (recent, 5)):
        path.mkdir(0o700, exist_ok=True)
        left = path / "groups.sock.history"
        left.touch()
        for at in (left, path):
            os.utime(at, (time.time() - days * 86400,) * 2)
    remove_unused()
    assert sorted(base.iterdir()) == sorted([used, recent])
    assert (used / "groups.sock.history").exists()
    assert (recent / "groups.sock.history").exists()
    (used / "groups.sock.history").unlink()
    leave(used)


def test_directory_that_somebody_removes(base):
    """A directory that is gone is made again when it is needed."""
    kept = private_directory()
    kept.rmdir()
    assert private_directory() == kept
    assert kept.exists()
    leave(kept)
