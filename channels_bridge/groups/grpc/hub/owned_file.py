"""A file that one hub at a time writes: only its user's, and locked by whoever writes it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

from channels_bridge.groups.discovery.hub_address import find_intruders

_APPEND = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_existing(path: Path) -> int | None:
    """Open a file of a hub before, and lock it; None where there is none. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        if (trouble := find_intruders(path.parent)) is not None:
            raise OSError(errno.EPERM, trouble)
    try:
        file = os.open(path, _APPEND)
    except FileNotFoundError:
        return None
    try:
        _require_own(file)
        os.fchmod(file, 0o600)
        _lock(file)
    except OSError:
        os.close(file)
        raise
    return file


def _require_own(file: int) -> None:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it isn't a file: remove it")
    if found.st_uid != os.getuid():
        raise OSError(errno.EPERM, f"it is owned by another user (uid {found.st_uid})")


def require_own_or_none(path: Path) -> None:
    """Raise OSError if there is a file that another hub, or another user, has written."""
    if (file := open_existing(path)) is not None:
        os.close(file)


def make(path: Path) -> int:
    """Make a file that isn't there, and lock it. Raises OSError."""
    file = os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    _lock(file)
    return file


def _lock(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "another groups hub writes it: give each its own") from None


def is_at(path: Path, file: int) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(file))
    except OSError:
        return False


def write(file: int, data: bytes) -> None:
    """Write all of it: a signal or a full disk may end a write early. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
