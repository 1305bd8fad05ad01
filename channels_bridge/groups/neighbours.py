"""
Whose hub is there: what a process can see of those that serve on this machine.

A hub writes into the lock of its place who it is. What listens on unix sockets, of all users and in
all mount namespaces, Linux shows in ``/proc/net/unix``. No gRPC in this file.
"""

import errno
import fcntl
import json
import os
import pwd
import re
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from django.conf import settings

from channels_bridge.directory import (
    PREFIX,
    bases_in_use,
    digest_of,
    directory_of,
    project_directory,
    project_root,
    shared_root,
)
from channels_bridge.groups.address import SOCKET, Address

__all__ = [
    "Absence",
    "Holder",
    "Seat",
    "explain_absence",
    "find_holder",
    "holder_of",
    "hub_path",
    "is_held",
    "lock_path",
    "open_at_once",
    "open_own",
]

# Other servers that an error names at most.
MAX_NAMED = 3

_LISTENING = 0x10000  # __SO_ACCEPTCON
_SOCKETS = Path("/proc/net/unix")
_OWN_NAME = re.compile(rf"{PREFIX}-([0-9]+)-([0-9a-f]+)/{re.escape(SOCKET)}")


@dataclass(frozen=True)
class Holder:
    """
    Who runs a hub.

    Attributes:
        pid: the server's process, or that of a hub of its own.
        directory: the project's place.
        settings: the settings module's name; empty where there is none.
    """

    pid: int
    directory: str
    settings: str

    @classmethod
    def own(cls) -> "Holder":
        """This process, and its project."""
        module = getattr(settings, "SETTINGS_MODULE", None)
        return cls(os.getpid(), str(project_root()), module or "")

    @classmethod
    def loads(cls, text: str) -> "Holder | None":
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
    """
    Where a hub has its lock and what it leaves, and who it says it is.

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
    def of(cls, address: Address) -> "Seat":
        """
        Return that of a hub at an address.

        Raises:
            ValueError: ``WEBSOCKET_RUNTIME_DIR`` can't be meant.
        """
        path = hub_path(address)
        is_private = address.path is None or path.parent == project_directory()
        return cls(path, is_private, Holder.own())


@dataclass(frozen=True)
class Absence:
    """
    Why there is no hub where it is looked for.

    Attributes:
        reason: what was found instead; empty for nothing.
        advice: what to do.
        is_elsewhere: whether the project's server runs where this process can't reach it.
    """

    reason: str = ""
    advice: str = ""
    is_elsewhere: bool = False


def hub_path(address: Address) -> Path:
    """
    Return the path beside which a hub has its lock and what it leaves.

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
    """
    Open a file that a process of this user has made. It never waits, as a FIFO would.

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
    """
    Whether a hub has locked an open file.

    It is shared for an instant. A hub that wants it just then stands by, and has it a moment later.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def explain_absence(address: Address) -> Absence:
    """
    Say why there is no hub at an address: whether there is one for others, and what to write.

    It raises nothing: what can't be looked at explains nothing.
    """
    try:
        return _explain(address)
    except (OSError, ValueError):
        return Absence()


def _explain(address: Address) -> Absence:
    if address.path is None:
        return Absence()
    listening = set(_listening())
    if str(address.path) in listening and _is_missing(address.path):
        return Absence(
            f"a server listens at that path, but its socket can't be seen here: it was removed "
            f"just now, or that server has another {address.path.parent.parent}, as with "
            f"systemd's PrivateTmp or in a container",
            "set WEBSOCKET_RUNTIME_DIR, or `address` in the layer's CONFIG, "
            "to a directory that both see",
            is_elsewhere=True,
        )
    if not _OWN_NAME.search(str(address.path)):
        return Absence()
    return _explain_other_users(listening) or _explain_other_places(listening) or Absence()


def _is_missing(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # such as a directory that this user can't enter
        return False
    return False


def _explain_other_users(listening: set[str]) -> Absence | None:
    digest = digest_of(str(shared_root()))
    for path, uid, found in _hubs(listening):
        if found == digest and uid != os.getuid():
            name = _user_name(uid)
            return Absence(
                f"another user's server serves at unix:{path}",
                f"run this as {name}, or set `address` in the layer's CONFIG to one on TCP",
                is_elsewhere=True,
            )
    return None


def _explain_other_places(listening: set[str]) -> Absence | None:
    digest = digest_of(str(shared_root()))
    others = [path for path, uid, found in _hubs(listening) if uid == os.getuid()]
    found = [
        f"{holder.directory} (unix:{path})"
        for path in others
        if digest not in path and (holder := find_holder(f"unix:{path}")) is not None
    ]
    if not found:
        return None
    return Absence(
        f"this process belongs to {shared_root()}, and servers run for "
        f"{', '.join(found[:MAX_NAMED])}",
        "start one with `manage.py websockets_server`, or set the same `address` in the CONFIG of "
        "those that belong together",
    )


def _hubs(listening: set[str]) -> Iterator[tuple[str, int, str]]:
    """Yield path, user and digest of the hubs at addresses that nobody has set."""
    for path in sorted(listening):
        if found := _OWN_NAME.search(path):
            yield path, int(found[1]), found[2]


def _listening() -> Iterator[str]:
    """Yield the paths of unix sockets on which somebody listens, or may listen."""
    try:
        # Any user chooses names, of nearly all bytes: only "\n" ends a line.
        lines = os.fsdecode(_SOCKETS.read_bytes()).split("\n")[1:]
    except OSError:  # no Linux
        for base in bases_in_use():
            yield from map(str, Path(base).glob(f"{PREFIX}-*/{SOCKET}"))
        return
    for line in lines:
        # Num RefCount Protocol Flags Type St Inode Path
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and _is_listening(fields[3]):
            yield fields[7]


def _is_listening(flags: str) -> bool:
    try:
        return bool(int(flags, 16) & _LISTENING)
    except ValueError:  # the rest of a name that has "\n"
        return False


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
