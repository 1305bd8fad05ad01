"""``python -m channels_bridge.bench``: measure the stacks side by side and print a table."""

from __future__ import annotations

import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from pathlib import Path

from . import report
from .measure import Round, measure
from .processes import ProcessFailed
from .scenarios import SCENARIOS, Scenario
from .stacks import STACKS, Stack


def main() -> None:
    options = parse(sys.argv[1:])
    scenario = SCENARIOS[options.scenario]
    stacks = [stack for stack in map(STACKS.get, options.stacks) if stack and available(stack)]
    header = report.header(stacks)
    for name, value in header.items():
        print(f"{name}: {value}")
    print(f"scenario: {scenario}", flush=True)
    results = run(stacks, scenario, options)
    print(report.table(results))
    if options.json:
        options.json.write_text(report.as_json(header, scenario, results) + "\n")


def parse(arguments: list[str]) -> Namespace:
    parser = ArgumentParser(
        prog="python -m channels_bridge.bench",
        description="Measure servers side by side: one application, interleaved rounds, medians.",
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--scenario", choices=SCENARIOS, default="fanout", help="the load's shape")
    parser.add_argument("--stacks", nargs="+", choices=STACKS, default=list(STACKS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each stack")
    parser.add_argument("--warmup", type=float, default=2.0, help="seconds left out of each round")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds measured per round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args(arguments)


def available(stack: Stack) -> bool:
    """Whether the stack can be measured here; says so if it cannot."""
    missing = stack.missing()
    if missing:
        print(f"{stack.name} is skipped: {', '.join(missing)} not installed (extra: bench)")
    return not missing


def run(stacks: list[Stack], scenario: Scenario, options: Namespace) -> dict[str, list[Round]]:
    """Measure one round of each stack in turn, as often as asked for."""
    results: dict[str, list[Round]] = {stack.name: [] for stack in stacks}
    for number in range(1, options.rounds + 1):
        for stack in stacks:
            try:
                round = measure(stack, scenario, options.warmup, options.seconds)
            except ProcessFailed as error:
                sys.exit(f"{stack.name}: {error}")
            results[stack.name].append(round)
            progress = f"round {number}: {stack.name}: {round.rate:,.0f} deliveries/s"
            print(progress, file=sys.stderr, flush=True)
    return results


if __name__ == "__main__":
    main()
