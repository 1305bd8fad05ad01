"""Liveness of processes: a hub doesn't wait for one that has ended."""

from __future__ import annotations

import os
from pathlib import Path

#: What a process says of itself where there is no /proc: it can't be looked for.
UNKNOWN = ""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def own_presence() -> str:
    """Say where this process can be found, in words that no other process has."""
    try:
        return f"{_surroundings()} {os.getpid()} {_start(os.getpid())}"
    except (OSError, ValueError):
        return UNKNOWN


def is_gone(presence: str) -> bool:
    """Whether a process has certainly ended. One of another namespace or machine never has."""
    surroundings, _, place = presence.rpartition("] ")
    pid, _, start = place.partition(" ")
    try:
        if not pid.isdigit() or _surroundings() != f"{surroundings}]":
            return False
        return _start(int(pid)) != start
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False


def is_of_earlier_boot(presence: str) -> bool:
    """Whether a process of this machine was there before it was last booted."""
    try:
        return presence != UNKNOWN and presence.partition(" ")[0] != _BOOT.read_text().strip()
    except OSError:
        return False


def _surroundings() -> str:
    """Return the machine, since it was booted, and the namespace in which a number counts."""
    return f"{_BOOT.read_text().strip()} {os.readlink(_NAMESPACE)}"


def _start(pid: int) -> str:
    """Return when a process was started, in the kernel's ticks; empty when it has ended."""
    # proc_pid_stat(5): the name, in parentheses, may hold anything; state is field 3, start 22.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
