"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

from channels_bridge.bench.stacks.stack import Stack


def header(stacks: Iterable[Stack], program: str) -> dict[str, str]:
    """Command, date, machine and versions: the facts that it takes to repeat the figures."""
    return {
        "command": f"{program} {shlex.join(sys.argv[1:])}".strip(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores, {processor()}, {platform.system()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": ", ".join(versions(list(stacks))),
    }


def versions(stacks: Sequence[Stack]) -> Iterator[str]:
    """Name and version of everything that is measured with these stacks."""
    names = ["django", "channels", *(name for stack in stacks for name in stack.versions)]
    yield from (f"{name} {installed(name)}" for name in dict.fromkeys(names))
    brokers = {broker.program: broker for stack in stacks if (broker := stack.layer.broker)}
    yield from (f"{program} {broker.version()}" for program, broker in brokers.items())


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def installed(distribution: str) -> str:
    """The version of a distribution, or that there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(not installed)"
