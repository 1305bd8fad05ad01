"""``python -m compat_tests.soak``: churn, and what has grown by it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext

import uvloop

from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer
from compat_tests.soak.gauges import Gauges, SoakFailed
from compat_tests.soak.hoards import kept
from compat_tests.soak.load import ROUND, Load, Plan
from compat_tests.soak.site import serving
from compat_tests.soak.verdict import FEWEST, Reading, judge, missed, show

#: Seconds between two lines on how far it is.
EVERY = 15.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compat_tests.soak", description=__doc__)
    parser.add_argument("--connections", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--messages", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--layer", choices=["grpc", "nats"], default="grpc", help="of the groups")
    options = parser.parse_args()
    if options.connections < FEWEST * ROUND or options.messages < 1:
        parser.error(f"at least {FEWEST * ROUND} connections are needed, and a message")
    plan = Plan.of(options.connections, options.messages)
    try:
        with NatsCluster() if options.layer == "nats" else nullcontext() as cluster:
            faults = run(plan, cluster.servers if cluster else ())
    except SoakFailed as error:
        faults = [str(error)]
    for fault in faults:
        print(f"FAILED: {fault}", flush=True)
    return 1 if faults else 0


def run(plan: Plan, nodes: Sequence[NatsServer]) -> list[str]:
    """Soak a server, and print what was seen. Returns what is wrong with it."""
    with serving(plan.capacity, nodes) as (site, cookie):
        load = Load(site.server.port, cookie, plan.turns)
        gauges = Gauges(site, nodes)
        readings = uvloop.run(soak(load, plan.rounds, gauges))
        left = uvloop.run(kept(site.server.port, gauges.workers))
        faults = ["the server's log has a traceback"] if "Traceback" in site.server.log() else []
    growths = judge(readings)
    print(*growths, heard(load), sep="\n", flush=True)
    faults += [str(growth) for growth in growths if not growth.is_good]
    return faults + missed(load.counts) + left


async def soak(load: Load, rounds: int, gauges: Gauges) -> list[Reading]:
    """Run all rounds. Returns what the processes held after each of them."""
    readings: list[Reading] = []
    said = time.monotonic()
    for number in range(rounds):
        await load.round(number)
        readings.append(gauges.read())
        if time.monotonic() - said > EVERY or number == 0:
            said = time.monotonic()
            print(f"{number + 1}/{rounds}: {heard(load)}; {held(readings[-1])}", flush=True)
    return readings


def heard(load: Load) -> str:
    """What clients have seen so far."""
    counts = load.counts
    return (
        f"{load.connections} connections, {counts.connections_lost} lost; {counts.delivered} "
        f"messages, {counts.expected - counts.delivered} lost, {counts.duplicated} duplicated, "
        f"{counts.out_of_order} out of order"
    )


def held(reading: Reading) -> str:
    """What processes hold now."""
    parts = []
    for process, figures in reading.items():
        values = [f"{show(figure, value)} {figure}" for figure, value in figures.items()]
        parts.append(f"{process} {', '.join(values)}")
    return "; ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
