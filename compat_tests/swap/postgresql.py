"""A PostgreSQL server of the tests' own, where Debian's package is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from compat_tests.servers import wait_for

DEADLINE = 30.0  # seconds for it to come up


def find_programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``; None where tests can't use them."""
    # Debian keeps them out of PATH, a folder for each version.
    folders = [*Path("/usr/lib/postgresql").glob("*/bin")]
    folders += [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    usable = find_spec("psycopg") and (os.getuid() != 0 or _unprivileged())
    return max(folders, default=None) if usable else None


def _unprivileged() -> str | None:
    """Who runs it where the tests run as root, which PostgreSQL refuses to."""
    try:
        return pwd.getpwnam("postgres").pw_name if os.getuid() == 0 else None
    except KeyError:
        return None


@contextmanager
def postgresql(programs: Path, directory: Path) -> Iterator[str]:
    """A new server, its owner named ``desk``. Gives the folder of its socket, to be used as
    HOST.
    """
    user = _unprivileged()
    if user is not None:
        shutil.chown(directory, user)
    data = directory / "data"
    create = ["initdb", "-D", data, "-U", "desk", "--auth=trust", "--no-sync", "-E", "UTF8"]
    subprocess.run(
        [programs / create[0], *create[1:]], check=True, user=user, stdout=subprocess.DEVNULL
    )
    serve = ["-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off"]
    with (
        open(directory / "log", "wb") as log,
        subprocess.Popen([programs / "postgres", *serve], user=user, stderr=log) as process,
    ):
        try:
            assert wait_for(lambda: _is_ready(programs, directory), DEADLINE), "it does not come up"
            yield str(directory)
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
            process.wait(DEADLINE)


def _is_ready(programs: Path, directory: Path) -> bool:
    command = [programs / "pg_isready", "-q", "-h", directory, "-U", "desk"]
    return subprocess.run(command).returncode == 0
