"""Unix sockets: private from the first moment on, and kept from what cleans ``/tmp``."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

#: Bytes of a socket's path: sun_path less its final zero, 108 on Linux, 104 on the BSDs and macOS.
MAX_PATH = 107 if sys.platform == "linux" else 103

#: Connections that wait to be accepted, as uvicorn and gunicorn; the kernel caps it at
#: net.core.somaxconn.
BACKLOG = 2048

#: Seconds between the times at which files are made to look new: they are cleaned after days.
TOUCH_INTERVAL = 3600.0

#: Seconds to wait for a process that is too busy to accept.
PATIENCE = 1.0


@contextlib.contextmanager
def private_umask() -> Iterator[None]:
    """Let only this user connect to sockets that are bound within the block.

    A mode that is set after ``bind()`` would leave a moment for others. The umask is the process's:
    other threads make private files meanwhile, too.
    """
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)


def open_unix(path: str, mode: int) -> socket.socket:
    """Listen at a path where nothing is, with that mode. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with private_umask():
            sock.bind(path)
        os.chmod(path, mode)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def is_listened_to(path: str | Path) -> bool:
    """Whether a process listens at a path, where a killed one may have left its socket.

    One that is stuck, so that its backlog is full, counts as listening.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(os.fspath(path))
        except (TimeoutError, BlockingIOError):  # the latter at once, on Linux
            return True
        except OSError:
            return False
    return True


class Freshness:
    """Makes files that are in use look new now and then."""

    def __init__(self) -> None:
        self._touched = time.monotonic()

    def touch(self, *paths: str | Path) -> None:
        """Touch them, unless that was done within ``TOUCH_INTERVAL``."""
        now = time.monotonic()
        if now - self._touched < TOUCH_INTERVAL:
            return
        self._touched = now
        for path in paths:
            with contextlib.suppress(OSError):  # it isn't there, or is another user's
                os.utime(path, follow_symlinks=False)


class SocketFile:
    """A unix socket's file, which may be removed by what cleans ``/tmp`` of old files."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._identity = os.lstat(path)
        self._freshness = Freshness()
        directory = os.stat(os.path.dirname(self.path))
        self._is_private = directory.st_uid == os.getuid() and not directory.st_mode & 0o077

    def is_lost(self) -> bool:
        """Whether the file was removed. One that is there is made to look new now and then."""
        try:
            found = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False  # nobody can say
        if os.path.samestat(found, self._identity):
            self._freshness.touch(self.path)
        return False

    def make_directory(self) -> None:
        """Make its directory again, if only this user could enter it. Raises OSError."""
        if self._is_private:
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.dirname(self.path), 0o700)

    def remove(self) -> None:
        """Remove it, unless another server has replaced it."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.lstat(self.path), self._identity):
                os.unlink(self.path)
