"""Processes that are measured: their start and stop, their CPU time and memory."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

START_SECONDS = 60.0
STOP_SECONDS = 20.0
ANSWER_SECONDS = 5.0
QUIET_SECONDS = 0.2
#: Of one core, below which a process has nothing to do.
QUIET_SHARE = 0.1


class ProcessFailed(Exception):
    """A process that did not start, or ended before its time."""


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    accepts: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[int]:
    """Run a command until the end of the block; gives its pid once ``accepts()`` is true.

    If the block, or the start, ends with ``ProcessFailed``, what the command printed goes to
    stderr.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=env, cwd=cwd)
    try:
        wait_until(lambda: accepts() or process.poll() is not None)
        if process.poll() is not None:
            raise ProcessFailed(f"exit code {process.returncode}")
        yield process.pid
    except ProcessFailed:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its descendants, by force if it takes too long."""
    if process.poll() is not None:
        return  # by itself, and its pid may be another's by now
    descendants = psutil.Process(process.pid).children(recursive=True)
    end(process)
    _, alive = psutil.wait_procs(descendants, timeout=1)
    for descendant in alive:  # or they would use CPU time in the next stack's round
        descendant.kill()


def end(process: subprocess.Popen[bytes]) -> None:
    """End one process, and wait for it: for ``STOP_SECONDS``, then by force."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true; ``ProcessFailed`` after ``START_SECONDS``."""
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


def answers(port: int) -> bool:
    """Whether an HTTP server serves that port of 127.0.0.1, and does not just listen."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("GET", "/")
        connection.getresponse()
        return True
    return False


@dataclass(frozen=True)
class Reading:
    """CPU time and memory that processes have used.

    Args:
        cpu_seconds: user and system time so far, of all of them.
        memory: bytes of each: its own, and its part of what it shares.
        resident: bytes of all of them. What they share is in it for each, so that only its growth
            means something; but it does not change with processes of others, as the part does.
    """

    cpu_seconds: float
    memory: Sequence[int]
    resident: int


class Processes:
    """The processes of a stack with all their descendants, as they are now.

    Args:
        pids: the processes.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        roots = [psutil.Process(pid) for pid in pids]
        self._tree = [each for root in roots for each in (root, *root.children(recursive=True))]

    def read(self) -> Reading:
        """Read CPU time and memory; ``ProcessFailed`` if one of them has ended."""
        try:
            cpu = self.cpu_seconds()
            resident = sum(process.memory_info().rss for process in self._tree)
            return Reading(cpu, [memory(process) for process in self._tree], resident)
        except psutil.NoSuchProcess as error:
            raise ProcessFailed(f"process {error.pid} ended") from error

    def cpu_seconds(self) -> float:
        """User and system time so far, of all of them."""
        times = [process.cpu_times() for process in self._tree]
        return sum(time.user + time.system for time in times)


def memory(process: psutil.Process) -> int:
    """Proportional set size on Linux; elsewhere what is the process's own."""
    full = process.memory_full_info()
    return int(getattr(full, "pss", full.uss))


def is_quiet(pids: Sequence[int]) -> bool:
    """Whether processes have nothing to do, such as starting workers."""
    processes = Processes(pids)
    before = processes.cpu_seconds()
    time.sleep(QUIET_SECONDS)
    return processes.cpu_seconds() - before < QUIET_SECONDS * QUIET_SHARE
