"""The holder of a hub's lock: the file says which process and which project that is.

``Seat`` is the place of the lock and of a hub's other files. No gRPC in this file.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from django.conf import settings

from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.runtime_directory import (
    directory_of,
    project_directory,
    project_root,
)


@dataclass(frozen=True)
class Holder:
    """The process that runs a hub, and its project.

    Attributes:
        pid: the server's process, or that of a hub of its own.
        directory: the project's place.
        settings: the settings module's name; empty where there is none.
    """

    pid: int
    directory: str
    settings: str

    @classmethod
    def own(cls) -> Holder:
        """This process, and its project."""
        module = getattr(settings, "SETTINGS_MODULE", None)
        return cls(os.getpid(), str(project_root()), module or "")

    @classmethod
    def loads(cls, text: str) -> Holder | None:
        """Read what ``dumps()`` made; None for anything else."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError, RecursionError):
            return None

    def dumps(self) -> str:
        """Return it as a line for ``loads()``."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        settings = f", with {self.settings}" if self.settings else ""
        return f"the process with PID {self.pid}, in {self.directory}{settings}"


@dataclass(frozen=True)
class Seat:
    """The place of a hub's lock and other files, and the holder that it names.

    A server makes it for its hub, whose process may not be able to read the settings: it doesn't
    run what prepares them.

    Attributes:
        path: beside which the files are: the socket's, where there is one.
        is_private: whether their directory is one of ours, which is made where it is missing.
        holder: whose hub it is.
    """

    path: Path
    is_private: bool
    holder: Holder

    @classmethod
    def of(cls, address: Address) -> Seat:
        """Return that of a hub at an address.

        Raises:
            ValueError: ``WEBSOCKET_RUNTIME_DIR`` can't be meant.
        """
        path = hub_path(address)
        is_private = address.path is None or path.parent == project_directory()
        return cls(path, is_private, Holder.own())


def hub_path(address: Address) -> Path:
    """Return the path beside which a hub has its lock and what it leaves.

    For TCP it depends on the address alone: releases of a project in other directories stand by for
    each other.

    Raises:
        ValueError: ``WEBSOCKET_RUNTIME_DIR`` can't be meant.
    """
    return address.path or directory_of(str(address)) / "hub"


def lock_path(path: Path) -> Path:
    """Return the lock of that place."""
    return Path(f"{path}.lock")


def find_holder(address: str) -> Holder | None:
    """Return whose hub serves at an address now, as far as that shows; None for nobody."""
    try:
        return holder_of(hub_path(Address.parse(address)))
    except ValueError:
        return None


def holder_of(path: Path) -> Holder | None:
    """The same for the path beside which the hub has its lock."""
    try:
        with open_own(lock_path(path)) as lock:
            return Holder.loads(lock.read(4096)) if is_held(lock.fileno()) else None
    except (OSError, ValueError):
        return None


def open_own(path: Path) -> TextIO:
    """Open a file that a process of this user has made. It never waits, as a FIFO would.

    Raises:
        FileNotFoundError: there is none; what others have put there, or a link, counts as nothing.
        OSError: it can't be read.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
        raise FileNotFoundError(errno.ENOENT, "it isn't a file of this user", str(path))
    return open(path, opener=open_at_once)


def open_at_once(path: str | Path, flags: int = os.O_RDONLY) -> int:
    """Open a file, but no link, without waiting: somebody else may have put a FIFO there."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def is_held(lock: int) -> bool:
    """Whether a hub has locked an open file.

    It is shared for an instant. A hub that wants it just then stands by, and has it a moment later.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
