"""Hubs of other projects and users on this machine, to explain why a process finds none.

What listens on unix sockets, of all users and in all mount namespaces, Linux shows in
``/proc/net/unix``. No gRPC in this file.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from channels_bridge.groups.discovery.hub_address import SOCKET, Address, default_address
from channels_bridge.groups.discovery.hub_holder import find_holder
from channels_bridge.groups.discovery.runtime_directory import (
    PREFIX,
    bases_in_use,
    digest_of,
    shared_root,
)

#: Other servers that an error names at most.
MAX_NAMED = 3

_LISTENING = 0x10000  # __SO_ACCEPTCON
_SOCKETS = Path("/proc/net/unix")
_OWN_NAME = re.compile(rf"{PREFIX}-([0-9]+)-([0-9a-f]+)/{re.escape(SOCKET)}")


@dataclass(frozen=True)
class Absence:
    """Why there is no hub where it is looked for.

    Attributes:
        reason: what was found instead; empty for nothing.
        advice: what to do.
        is_elsewhere: whether the project's server runs where this process can't reach it.
    """

    reason: str = ""
    advice: str = ""
    is_elsewhere: bool = False


def explain_absence(address: Address) -> Absence:
    """Say why there is no hub at an address: whether there is one for others, and what to write.

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
        return _explain_own_place(listening) or Absence()
    return _explain_other_users(listening) or _explain_other_places(listening) or Absence()


def _is_missing(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # such as a directory that this user can't enter
        return False
    return False


def _explain_own_place(listening: set[str]) -> Absence | None:
    """Whether the project's server is where it is without an address, which this process has."""
    default = Address.parse(default_address())
    if str(default.path) not in listening:
        return None
    return Absence(
        f"a server of this project serves at {default}",
        "write the same `address` into the CONFIG of both, or into neither",
    )


def _explain_other_users(listening: set[str]) -> Absence | None:
    digest = digest_of(str(shared_root()))
    for path, uid, found in _hubs(listening):
        if found == digest and uid != os.getuid():
            name = _user_name(uid)
            return Absence(
                f"another user's server serves at unix:{path}",
                f"run this as {name}, or use NatsChannelLayer",
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
    except OSError:  # this isn't Linux
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
