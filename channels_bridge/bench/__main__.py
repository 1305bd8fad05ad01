"""``python -m channels_bridge.bench``: measure the stacks side by side and print tables."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext

from channels_bridge.bench import own_project
from channels_bridge.bench.loads.case import Scenario
from channels_bridge.bench.loads.scenarios import named
from channels_bridge.bench.options import PROGRAM, parse
from channels_bridge.bench.report import chart, printed
from channels_bridge.bench.rounds.plan import Plan
from channels_bridge.bench.rounds.run import run, sample_project


def main() -> None:
    """Measure what the command line asks for; print tables, and write files."""
    options = parse(sys.argv[1:])
    plan = Plan(chosen(options), options.stacks, options.rounds, options.warmup, options.seconds)
    project = nullcontext(own_project.site(options)) if options.app else sample_project()
    results = run(plan, project, PROGRAM)
    print(printed.text(results))
    if options.json:
        options.json.write_text(results.as_json() + "\n")
    if options.chart:
        options.chart.write_text(chart.draw(results))


def chosen(options: Namespace) -> Sequence[Scenario]:
    """The scenarios that the command line asks for."""
    return own_project.scenarios(options) if options.app else named(options.scenario or ["all"])


if __name__ == "__main__":
    main()
