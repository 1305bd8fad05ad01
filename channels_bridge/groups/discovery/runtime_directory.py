"""The runtime directory: the processes of a project meet in it, and only their user can enter.

What they share is the user and the place of the project: the directory that its settings are
imported from. The name of the settings module and what the environment says of temporary files
(``TMPDIR``) differ between a server, its workers and a cron job, so neither counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from django.conf import ENVIRONMENT_VARIABLE, settings

from channels_bridge import conf

#: Where it is made: the first that can be written to. All processes of a machine see the same ones,
#: unless somebody has given them their own. The last is there in a read-only container, too.
BASES = ("/tmp", "/var/tmp", "/dev/shm")

#: How its name begins; the user's number and a digest of the project's place follow.
PREFIX = "channels_bridge"

#: What to do where it can't be made.
ADVICE = "set WEBSOCKET_RUNTIME_DIR to a directory that this user may write to"

#: Seconds after which one that nobody uses is removed: its maker may not have locked it before.
UNUSED_AFTER = 60.0

#: Seconds after which history is removed that a hub has left in one: it may be anybody's words. As
#: long as systems keep what is in /tmp.
HISTORY_KEPT = 10 * 86400.0

#: The directories that this process uses, and their descriptors, which are locked.
_locked: dict[Path, int] = {}


def project_root() -> Path:
    """Return the directory that the settings in use are imported from, without symbolic links.

    It is the working directory where they come from no file. Several projects that are installed
    into one environment have their packages' directories.
    """
    # Settings that are overridden, as tests do, do not know their module.
    name = getattr(settings, "SETTINGS_MODULE", None) or os.environ.get(ENVIRONMENT_VARIABLE, "")
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if not file:
        return Path.cwd()
    levels = name.count(".") + hasattr(module, "__path__")
    # Before links are followed: one settings file may be a link to elsewhere.
    parents = Path(os.path.abspath(file)).parents
    root = parents[min(levels, len(parents) - 1)]
    if root.name in ("site-packages", "dist-packages"):
        root /= name.partition(".")[0]
    return Path(os.path.realpath(root))


def shared_root() -> Path:
    """Return what the releases of a project share: ``app/current`` for any ``app/releases/N``.

    So does the layout of Capistrano and those who took it over. Two releases overlap during a
    deploy, and the link leads from one to the other meanwhile.
    """
    root = project_root()
    for release in (root, *root.parents):
        link = release.parent.parent / "current"
        if (
            release.parent.name == "releases"
            and os.path.islink(link)
            and os.path.dirname(os.path.realpath(link)) == str(release.parent)
        ):
            return link / root.relative_to(release)
    return root


def project_directory() -> Path:
    """Return where the directory of the project is, or would be.

    Raises:
        ValueError: ``WEBSOCKET_RUNTIME_DIR`` can't be meant.
    """
    return directory_of(str(shared_root()))


def directory_of(what: str) -> Path:
    """Return where the directory is, or would be, that this user's processes share for something.

    Raises:
        ValueError: ``WEBSOCKET_RUNTIME_DIR`` can't be meant.
    """
    name = f"{PREFIX}-{os.getuid()}-{digest_of(what)}"
    bases = bases_in_use()
    there = (base for base in bases if _is_own(Path(base, name)))
    usable = (base for base in bases if os.access(base, os.W_OK | os.X_OK))
    return Path(next(there, None) or next(usable, None) or bases[0], name)


def _is_own(path: Path) -> bool:
    """Whether there is something of this user; others, too, can write where bases are."""
    try:
        return path.lstat().st_uid == os.getuid()
    except OSError:
        return False


def digest_of(what: str) -> str:
    """Return what stands for something in the name of a directory; the same for all users."""
    return hashlib.sha256(what.encode(errors="surrogateescape")).hexdigest()[:12]


def bases_in_use() -> Sequence[str]:
    """Return in which directories directories are looked for, in this order.

    Raises:
        ValueError: ``WEBSOCKET_RUNTIME_DIR`` can't be meant.
    """
    base = conf.runtime_dir()
    return BASES if base is None else (base,)


def private_directory() -> Path:
    """Return the directory of the project; make it if need be, and keep it while this runs.

    Raises:
        ValueError: it can't be had, or isn't private. The message names it, and says why.
    """
    return keep_private(project_directory())


def keep_private(directory: Path) -> Path:
    """Make a directory if need be, and keep it until ``leave()``, or the end of this process.

    It is locked: systemd-tmpfiles leaves locked directories alone, and so does ``leave()`` in
    another process.

    Raises:
        ValueError: it can't be had, or isn't private. The message names it, and says why.
    """
    while directory not in _locked or not _is_at(directory, _locked[directory]):
        _make(directory)
        try:
            descriptor = _open(directory)
        except FileNotFoundError:
            continue  # somebody who left has just removed it
        except OSError as error:
            raise ValueError(f"{directory} can't be used ({error.strerror}): {ADVICE}") from None
        with contextlib.suppress(OSError):  # some file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        _forget(directory)
        _locked[directory] = descriptor
    return directory


def kept() -> dict[Path, int]:
    """The directories that this process keeps, with the descriptors by which they are locked."""
    return dict(_locked)


def take_over(directories: Mapping[Path, int]) -> None:
    """Keep what the program kept that this process was before."""
    _locked.update(directories)


def leave(directory: Path) -> None:
    """Let a directory go, and remove it if it is empty and nobody else uses it."""
    if directory in _locked:
        _forget(directory)
        _remove_unused(directory)


def leave_all() -> None:
    """Let all directories go that this process uses."""
    for directory in list(_locked):
        leave(directory)


def remove_unused() -> None:
    """Remove empty directories of this user that nobody uses, as killed servers leave them."""
    for directory in _own_directories():
        with contextlib.suppress(OSError):  # it is gone
            age = time.time() - directory.stat().st_mtime
            if age > UNUSED_AFTER and directory not in _locked:
                _remove_unused(directory)


def _own_directories() -> Iterator[Path]:
    for base in bases_in_use():
        yield from Path(base).glob(f"{PREFIX}-{os.getuid()}-*")


def _remove_unused(directory: Path) -> None:
    with contextlib.suppress(OSError):  # somebody else uses it, or it isn't empty, or gone
        descriptor = _open(directory)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in directory.glob("*.history"):
                if time.time() - left.stat().st_mtime > HISTORY_KEPT:
                    left.unlink()
            os.rmdir(directory)
        finally:
            os.close(descriptor)


def _open(directory: Path) -> int:
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _forget(directory: Path) -> None:
    descriptor = _locked.pop(directory, None)
    if descriptor is not None:
        os.close(descriptor)


def _is_at(directory: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(directory), os.fstat(descriptor))
    except OSError:
        return False


def _make(directory: Path) -> None:
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        require_private(directory)
        # Who leaves may have removed it just now: then it is made again.
        if not os.access(directory, os.W_OK | os.X_OK) and os.path.lexists(directory):
            raise ValueError(f"{directory} can't be written to: {ADVICE}") from None
    except OSError as error:
        reason = f"there is no {directory.parent}" if _is_orphan(directory) else error.strerror
        raise ValueError(f"{directory} can't be made ({reason}): {ADVICE}") from None


def _is_orphan(directory: Path) -> bool:
    return not os.path.lexists(directory.parent)


def require_private(directory: Path) -> None:
    """Check that a directory, if it is there, is only its user's.

    Raises:
        ValueError: it isn't. The message names it, and says why.
    """
    try:
        found = directory.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ValueError(f"{directory} can't be used ({error.strerror}): {ADVICE}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise ValueError(f"{directory} isn't a directory: remove it")
    if found.st_uid != os.getuid():
        raise ValueError(f"{directory} is owned by another user (uid {found.st_uid}): {ADVICE}")
    if found.st_mode & 0o077:
        raise ValueError(f"{directory} can be entered by other users: chmod it to 0700")
