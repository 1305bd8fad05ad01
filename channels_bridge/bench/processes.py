"""Start and stop the processes that are measured, and read their CPU time."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

START_SECONDS = 30.0
STOP_SECONDS = 20.0


class ProcessFailed(Exception):
    """A server or broker that did not start."""


@contextmanager
def running(
    command: Sequence[str], log: Path, accepts: Callable[[], bool], env: Mapping[str, str] | None
) -> Iterator[int]:
    """Run a command until the end of the block; gives its pid once `accepts()` is true.

    If the block, or the start, ends with `ProcessFailed`, what the command printed goes to stderr.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=env)
    try:
        wait_until(lambda: accepts() or process.poll() is not None)
        if process.poll() is not None:
            raise ProcessFailed(f"exit code {process.returncode}")
        yield process.pid
    except ProcessFailed:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true; `ProcessFailed` after `START_SECONDS`."""
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise ProcessFailed(f"not ready after {START_SECONDS:g} s")
        time.sleep(0.05)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def port_accepts(port: int) -> bool:
    """Whether something listens on that port of 127.0.0.1."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time so far of these processes and all their living descendants."""
    roots = [psutil.Process(pid) for pid in pids]
    tree = [process for root in roots for process in (root, *root.children(recursive=True))]
    times = [process.cpu_times() for process in tree]
    return sum(time.user + time.system for time in times)
