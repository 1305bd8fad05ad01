"""The steadiness of the machine itself: ``python -m compat_tests.bench.stalls [SECONDS]``.

On each core a process does nothing but look at the clock. While it doesn't get to see it, something
else has the core: the hypervisor, the system, another process. No server is more punctual.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time

SECONDS = 8.0
#: Seconds. Shorter gaps do not count as stalls.
SHORTEST = 0.0005


def watch(seconds: float) -> list[float]:
    """The gaps, in seconds, between looks at the clock."""
    stalls = []
    last = time.perf_counter()
    end = last + seconds
    while last < end:
        now = time.perf_counter()
        if now - last >= SHORTEST:
            stalls.append(now - last)
        last = now
    return stalls


def summary(stalls: list[float], seconds: float) -> str:
    """The share of stalls in so much time, in words."""
    return (
        f"{len(stalls)} stalls of {SHORTEST * 1e3:g} ms and more: {sum(stalls) / seconds:.2%} of "
        f"the time, the longest {max(stalls, default=0) * 1e3:.1f} ms"
    )


def main(seconds: float = SECONDS) -> None:
    """Keep all cores busy, and print what they stalled."""
    cores = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        found = pool.map(watch, [seconds] * cores, chunksize=1)
    print(summary([stall for stalls in found for stall in stalls], seconds * cores))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
