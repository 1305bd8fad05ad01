"""Whether a process that another one knew still exists: what a hub needn't wait for."""

import os
from pathlib import Path

__all__ = ["UNKNOWN", "is_gone", "own_presence"]

# What a process says of itself where there is no /proc: it can't be looked for.
UNKNOWN = ""

_NAMESPACE = Path("/proc/self/ns/pid")


def own_presence() -> str:
    """Say where this process can be found: its namespace, number and start, which no other has."""
    try:
        return f"{os.readlink(_NAMESPACE)} {os.getpid()} {_start(os.getpid())}"
    except (OSError, ValueError):
        return UNKNOWN


def is_gone(presence: str) -> bool:
    """Whether a process has certainly ended. One of another namespace or machine never has."""
    namespace, _, place = presence.rpartition("] ")
    pid, _, start = place.partition(" ")
    try:
        if not pid.isdigit() or os.readlink(_NAMESPACE) != f"{namespace}]":
            return False
        return _start(int(pid)) != start
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False


def _start(pid: int) -> str:
    """Return when a process was started, in the kernel's ticks; empty when it has ended."""
    # proc_pid_stat(5): the name, in parentheses, may hold anything; state is field 3, start 22.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
