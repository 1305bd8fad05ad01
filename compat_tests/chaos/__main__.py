"""``python -m compat_tests.chaos``: rounds of faults, each by a seed that is printed."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Iterator, Sequence

from compat_tests.chaos.faults import ALONE, at_hand, concerning
from compat_tests.chaos.report import Report
from compat_tests.chaos.scene import Fault
from compat_tests.chaos.staging import playing

# How often a fault comes together with another.
PAIRS = 1 / 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compat_tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--rounds", type=int, default=1, help="each with every fault, in any order")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--layer", choices=["grpc", "nats"], default="grpc", help="of the groups")
    parser.add_argument("--pause", type=float, default=10, help="seconds that SIGSTOP lasts")
    parser.add_argument("--fault", nargs="*", help="only these, in this order; A+B at once")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.rounds)
    good = [asyncio.run(play(seed, options)).is_good for seed in seeds]
    return 0 if all(good) else 1


async def play(seed: int, options: argparse.Namespace) -> Report:
    """One round: every fault, alone or beside another, and what came of it."""
    chance = random.Random(seed)
    async with playing(
        seed,
        workers=options.workers,
        clients=options.clients,
        pause=options.pause,
        confirm=chance.choice([False, True]),
        layer=options.layer,
    ) as scene:
        faults = at_hand(scene)
        for step in chosen(options.fault, faults) if options.fault else draw(chance, faults):
            await scene.wait(2)
            print("  " + " + ".join(fault.__name__ for fault in step), flush=True)
            await scene.suffer(*step)
        missing = [fault for fault in concerning(scene) if fault not in faults]
        report = await scene.end()
        if not report.is_good:
            print(scene.server.log(), *report.complaints(), sep="\n")
    left_out = [f"left out: {fault.__name__}" for fault in missing]  # this machine forbids them
    print(f"seed {seed}: {report}", *left_out, sep="; ", flush=True)
    return report


def draw(chance: random.Random, faults: Sequence[Fault]) -> Iterator[list[Fault]]:
    """All faults in some order, now and then two at once."""
    rest = chance.sample(faults, len(faults))
    while rest:
        count = 2 if chance.random() < PAIRS and not set(rest[:2]) & set(ALONE) else 1
        yield rest[:count]
        rest = rest[count:]


def chosen(names: Sequence[str], faults: Sequence[Fault]) -> list[list[Fault]]:
    """The faults of these names, those with a plus between them at once."""
    named = {fault.__name__: fault for fault in faults}
    return [[named[name] for name in step.split("+")] for step in names]


if __name__ == "__main__":
    sys.exit(main())
