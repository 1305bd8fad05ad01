"""Where a running server is asked what it does: a socket that only its user can reach."""

from __future__ import annotations

import os
from pathlib import Path

from .directory import private_directory
from .server.console import NoAnswer, is_listened_to


def default_path() -> Path:
    """The control socket of the server that this process is.

    Raises:
        ValueError: there is no private directory for it.
    """
    return private_directory() / f"server-{os.getpid()}.sock"


def find_server() -> Path:
    """The control socket of the one server that runs for this project and this user.

    Raises:
        NoAnswer: there is none, or more than one; the message says what to write.
    """
    try:
        directory = private_directory()
    except ValueError as error:
        raise NoAnswer(f"{error}, or name the server's socket with --server") from None
    found = [path for path in sorted(directory.glob("server-*.sock")) if is_listened_to(path)]
    if not found:
        raise NoAnswer(
            "no server of this project runs for this user on this machine; "
            "one that was started with --control PATH is found with --server PATH"
        )
    if len(found) > 1:
        raise NoAnswer(f"several servers run: choose with --server {' or '.join(map(str, found))}")
    return found[0]
