"""Where a running server is asked what it does: a socket that only its user can reach."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from .directory import private_directory, project_directory, remove_unused
from .groups.address import Address, default_address
from .groups.neighbours import explain_absence
from .server.admission_link import LEDGER
from .server.console import NoAnswer, is_listened_to


def default_path() -> Path:
    """The control socket of the server that this process is.

    Raises:
        ValueError: there is no private directory for it.
    """
    return runtime_directory() / f"server-{os.getpid()}.sock"


def runtime_directory() -> Path:
    """The project's directory, without what killed servers have left there.

    Raises:
        ValueError: it can't be had, or isn't private.
    """
    directory = private_directory()
    for path in directory.glob("server-*.sock"):
        if _is_left(path, path):
            path.unlink(missing_ok=True)
    for path in directory.glob(f"{LEDGER}-*"):
        if _is_left(path, path / f"{LEDGER}.sock"):
            shutil.rmtree(path, ignore_errors=True)
    remove_unused()
    return directory


def _is_left(path: Path, socket: Path) -> bool:
    """Whether what is named after a process is there without it.

    Another PID namespace may use the directory, and a server may not listen yet: so both count.
    """
    pid = path.stem.split("-")[1]
    with contextlib.suppress(OSError, ValueError, OverflowError):
        os.kill(int(pid), 0)
        return False
    return not is_listened_to(socket)


def find_server() -> Path:
    """The control socket of the one server that runs for this project and this user.

    Raises:
        NoAnswer: there is none, or more than one; the message says what to write.
    """
    try:
        directory = project_directory()
        there = explain_absence(Address.parse(default_address())).reason
        there = there or f"none has its socket in {directory}"
    except ValueError as error:
        raise NoAnswer(f"{error}, or name the server's socket with --server") from None
    found = [path for path in sorted(directory.glob("server-*.sock")) if is_listened_to(path)]
    if not found:
        raise NoAnswer(
            f"no server of this project runs for this user on this machine ({there}); "
            "one that was started with --control PATH is found with --server PATH"
        )
    if len(found) > 1:
        raise NoAnswer(f"several servers run: choose with --server {' or '.join(map(str, found))}")
    return found[0]
