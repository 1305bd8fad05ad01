"""``python -m compat_tests.groups.nats.faults``: all plots, for long, again and again."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
import traceback
from collections.abc import Iterator

from compat_tests.groups.nats.faults.busy import busy_cores
from compat_tests.groups.nats.faults.plots import PLOTS, Plot
from compat_tests.groups.nats.faults.scene import LONG, SHORT, Length, Outcome
from compat_tests.groups.nats.faults.table import Row, show
from compat_tests.groups.nats.faults.verdict import Verdict


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends all processes, as Ctrl-C does
    length = SHORT if options.short else LONG
    with busy_cores() if options.busy else contextlib.nullcontext():
        rows = [Row(PLOTS[name], list(play(PLOTS[name], length, options))) for name in options.plot]
    print(show(rows), flush=True)
    return 0 if all(row.is_good for row in rows) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m compat_tests.groups.nats.faults", description=__doc__
    )
    parser.add_argument("--plot", nargs="+", choices=PLOTS, default=[*PLOTS], metavar="NAME")
    parser.add_argument("--repeat", type=int, default=1, help="how often each is played")
    parser.add_argument("--busy", action="store_true", help="keep all cores busy meanwhile")
    parser.add_argument("--short", action="store_true", help="for as long as the suite does")
    return parser.parse_args()


def play(plot: Plot, length: Length, options: argparse.Namespace) -> Iterator[Outcome]:
    """Play one plot as often as asked for, and say what came of each time."""
    for number in range(options.repeat):
        began = time.monotonic()
        outcome = outcome_of(plot, length)
        state = "ok" if plot.is_well(outcome) else "FAILED"
        print(
            f"{plot.name} {number + 1}: {state}, {outcome.verdict}, {outcome.figures}, "
            f"{time.monotonic() - began:.1f} s",
            *outcome.errors[:3],
            sep="\n  ",
            flush=True,
        )
        yield outcome


def outcome_of(plot: Plot, length: Length) -> Outcome:
    """Play it once; what does not come to its end is a failure like any other."""
    try:
        return plot.run(length)
    except AssertionError:
        traceback.print_exc()
        return Outcome(Verdict(silent=["it did not come to its end"]))


if __name__ == "__main__":
    sys.exit(main())
