"""The cost of group messages with and without suppression.

``python -m compat_tests.bench.suppression`` spreads the members of rooms over workers, which are
processes with a channel layer and nothing else. Each sends to rooms of its own members, at a steady
rate. The CPU time of the hub and the workers is divided by the number of messages, in interleaved
rounds: as it is, and with a hub that grants no leases.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import count, product
from multiprocessing.process import BaseProcess
from statistics import mean
from typing import Any, NamedTuple
from unittest.mock import patch

import django
import psutil

#: Messages per second and worker, and how often a second they are sent.
RATE = 300
BURSTS = 50
#: Seconds before anything is measured: leases are granted meanwhile.
WARMUP = 1.0
#: Seconds that processes may take to start.
DEADLINE = 60

spawn = multiprocessing.get_context("spawn")


class Setting(NamedTuple):
    """One arrangement that is measured."""

    workers: int
    members: int
    size: int  # of each room
    suppresses: bool

    @property
    def rooms(self) -> list[list[int]]:
        """Of each room, the workers that its members are on; the same in all processes."""
        pick = random.Random(self.size)
        return [
            [pick.randrange(self.workers) for _ in range(self.size)]
            for _ in range(self.members // self.size)
        ]


class Member:
    """The inbox of a consumer that takes everything at once."""

    capacity = 0
    sharing = None

    def put_message(self, message: Any, expires: float) -> bool:
        return True


def run_hub(address: str, setting: Setting, ready: Any) -> None:
    django.setup()
    from channels_bridge.groups.grpc import suppression
    from channels_bridge.groups.grpc.hub.hub import serve

    if not setting.suppresses:
        patch.object(suppression.Silence, "add", return_value=False).start()
    asyncio.run(serve(address, ready=ready.wait, stop=asyncio.Event()))


def run_worker(address: str, setting: Setting, number: int, ready: Any, sent: Any) -> None:
    django.setup()
    asyncio.run(work(address, setting, number, ready, sent))


async def work(address: str, setting: Setting, number: int, ready: Any, sent: Any) -> None:
    """Join this worker's members to their rooms, and send to these until the process is killed."""
    from channels_bridge.groups.home import home_loop
    from channels_bridge.layers import GrpcChannelLayer

    home_loop.claim()  # as in a server's worker
    layer = GrpcChannelLayer(address=address)
    rooms = []
    for room, places in enumerate(setting.rooms):
        for _ in range(places.count(number)):
            channel = await layer.new_channel()
            layer.attach(channel, Member())
            await layer.group_add(f"room-{room}", channel)
            rooms.append(f"room-{room}")
    await asyncio.to_thread(ready.wait)
    pick = random.Random(number)
    start = time.monotonic()
    for burst in count(1):
        for _ in range(RATE // BURSTS):
            await layer.group_send(pick.choice(rooms), {"type": "message", "text": "x" * 80})
            sent.value += 1
        await asyncio.sleep(max(0.0, start + burst / BURSTS - time.monotonic()))


def measure(setting: Setting, seconds: float) -> float:
    """Microseconds of CPU per message, of all processes together."""
    counts = [spawn.Value("L", 0, lock=False) for _ in range(setting.workers)]
    with running(setting, counts) as processes:
        time.sleep(WARMUP)
        cpu, sent = cpu_of(processes), sum(each.value for each in counts)
        time.sleep(seconds)
        cpu, sent = cpu_of(processes) - cpu, sum(each.value for each in counts) - sent
    return cpu / sent * 1e6


def cpu_of(processes: list[BaseProcess]) -> float:
    """Seconds of CPU that they have used."""
    times = [psutil.Process(process.pid).cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)


@contextlib.contextmanager
def running(setting: Setting, counts: list[Any]) -> Iterator[list[BaseProcess]]:
    """A hub and its workers, from the moment when all members have joined."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory, contextlib.ExitStack() as stack:
        address = f"unix:{directory}/groups.sock"
        is_up = spawn.Barrier(2, timeout=DEADLINE)
        hub = start(stack, run_hub, address, setting, is_up)
        is_up.wait()
        all_joined = spawn.Barrier(setting.workers + 1, timeout=DEADLINE)
        workers = [
            start(stack, run_worker, address, setting, number, all_joined, sent)
            for number, sent in enumerate(counts)
        ]
        all_joined.wait()
        yield [hub, *workers]


def start(stack: contextlib.ExitStack, target: Any, *arguments: Any) -> BaseProcess:
    process = spawn.Process(target=target, args=arguments, daemon=True)
    process.start()
    stack.callback(process.join)
    stack.callback(process.kill)
    return process


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m compat_tests.bench.suppression", description=__doc__
    )
    add = parser.add_argument
    add("sizes", nargs="*", type=int, default=[1, 2, 5, 100], help="of rooms (1 2 5 100)")
    add("--workers", type=int, default=4, metavar="N", help="default: 4")
    add("--members", type=int, default=1200, metavar="N", help="of all rooms (default: 1200)")
    add("--rounds", type=int, default=3, metavar="N", help="default: 3")
    add("--seconds", type=float, default=4.0, help="of each measurement (default: 4)")
    return parser.parse_args()


def main() -> None:
    """Measure everything in turn within each round, and print a line for each setting."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compat_tests.settings")
    options = parse()
    found: dict[Setting, list[float]] = defaultdict(list)
    for _, size, suppresses in product(range(options.rounds), options.sizes, (True, False)):
        setting = Setting(options.workers, options.members, size, suppresses)
        found[setting].append(measure(setting, options.seconds))
    for setting, figures in found.items():
        way = "as it is" if setting.suppresses else "without suppression"
        print(
            f"{setting.workers} workers, rooms of {setting.size}, {way}: {mean(figures):.0f} us of "
            f"CPU for a message ({min(figures):.0f} to {max(figures):.0f})"
        )


if __name__ == "__main__":
    main()
