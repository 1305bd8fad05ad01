"""``python -m compat_tests.peer_faults``: the same faults, here and under other servers."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path

from channels_bridge.bench.report.machine import installed, processor
from channels_bridge.bench.stacks.brokers import redis_version
from compat_tests.peer_faults import report
from compat_tests.peer_faults.faults import FAULTS, Fault, Seen
from compat_tests.peer_faults.scene import Scene, staged
from compat_tests.peer_faults.stacks import STACKS, Stack

FAULT_SECONDS = 120  # a fault takes a minute at most; what takes longer is an error


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compat_tests.peer_faults", description=__doc__)
    parser.add_argument("--fault", nargs="+", choices=FAULTS, default=[*FAULTS], metavar="NAME")
    parser.add_argument("--stack", nargs="+", choices=STACKS, default=[*STACKS], metavar="NAME")
    parser.add_argument("--fill", type=Path, metavar="FILE", help="put what was seen into it")
    options = parser.parse_args()
    stacks = [STACKS[name] for name in options.stack]
    for stack in stacks:
        if missing := lacking(stack):
            parser.error(f"{stack.name} needs {', '.join(missing)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the servers, too, as Ctrl-C does
    began = time.monotonic()
    seen = {}
    for name in options.fault:
        seen[name] = suffer(FAULTS[name], stacks)
        print(f"{report.section(FAULTS[name], seen[name])}\n", flush=True)
    text = report.text(header(stacks, time.monotonic() - began), seen)
    if options.fill:
        options.fill.write_text(report.fill(options.fill.read_text(), text))
    failed = [name for name in seen for each in seen[name].values() if "failed" in each]
    return 1 if failed else 0


def lacking(stack: Stack) -> list[str]:
    """What the stack needs and is not installed."""
    modules = [name for name in stack.modules if find_spec(name) is None]
    broker = stack.broker
    return [*modules, broker.program] if broker and not broker.is_at_hand() else modules


def suffer(fault: Fault, stacks: Sequence[Stack]) -> dict[str, Seen]:
    """One fault, on each stack: at the same time, unless it is about speed."""
    at_once = 1 if fault.alone else len(stacks)
    with ThreadPoolExecutor(at_once) as pool:
        seen = pool.map(lambda stack: look(fault, stack), stacks)
        return {stack.name: each for stack, each in zip(stacks, seen, strict=True)}


def look(fault: Fault, stack: Stack) -> Seen:
    """One fault, on one stack, which is started for it."""
    try:
        with staged(stack, fault.pings) as scene:
            return asyncio.run(play(fault, scene))
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}".partition("\n")[0]}


async def play(fault: Fault, scene: Scene) -> Seen:
    """Let a fault happen; its clients are gone afterwards."""
    try:
        return await asyncio.wait_for(fault.run(scene), FAULT_SECONDS)
    finally:
        await scene.leave()


def header(stacks: Sequence[Stack], seconds: float) -> Mapping[str, str]:
    """What one needs to know to see the same."""
    names = ["django", "channels", *(name for stack in stacks for name in stack.distributions)]
    versions = [f"{name} {installed(name)}" for name in dict.fromkeys(names)]
    if any(stack.has_redis for stack in stacks):
        versions.append(f"redis-server {redis_version()}")
    return {
        "command": shlex.join(["python", "-m", "compat_tests.peer_faults", *sys.argv[1:]]),
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M UTC}, {seconds / 60:.0f} minutes",
        "machine": f"{os.cpu_count()} cores, {processor()}",
        "python": platform.python_version(),
        "versions": ", ".join(versions),
    }


if __name__ == "__main__":
    sys.exit(main())
