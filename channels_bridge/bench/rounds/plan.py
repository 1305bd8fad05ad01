"""The plan of a run: its rounds, their order, and how long they take."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.loads.case import Case, Scenario
from channels_bridge.bench.report.results import Results, Round
from channels_bridge.bench.rounds.measure import measure
from channels_bridge.bench.stacks.processes import ProcessFailed
from channels_bridge.bench.stacks.sites import Site
from channels_bridge.bench.stacks.stack import STACKS, Stack


@dataclass(frozen=True)
class Step:
    """One round of one stack, under one load."""

    scenario: Scenario
    case: Case
    stack: Stack
    number: int

    def __str__(self) -> str:
        parts = (self.scenario.name, self.case.name, self.stack.name, f"round {self.number}")
        return ", ".join(filter(None, parts))


class Plan:
    """All rounds of a run. Those of one scenario alternate, so that a noisy time hits all alike.

    Args:
        scenarios: what is looked at.
        names: of the stacks to measure, in place of those that the scenarios name.
        rounds: of each stack, under each load.
        warmup: seconds of each round that aren't measured.
        seconds: seconds that are.
        stacks: all that names may stand for.
    """

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        names: Sequence[str] | None,
        rounds: int,
        warmup: float,
        seconds: float,
        stacks: Mapping[str, Stack] = STACKS,
    ) -> None:
        self.warmup = warmup
        self.seconds = seconds
        steps = list(_steps(scenarios, names, rounds, stacks))
        missing = {step.stack.name: step.stack.missing() for step in steps}
        self.skipped = {name: modules for name, modules in missing.items() if modules}
        self.steps = [step for step in steps if step.stack.name not in self.skipped]

    @property
    def stacks(self) -> list[Stack]:
        """Those that are measured."""
        return list({step.stack.name: step.stack for step in self.steps}.values())

    @property
    def estimate(self) -> float:
        """About how many seconds it takes."""
        return sum(step.case.estimate(self.warmup, self.seconds) for step in self.steps)

    def run(self, site: Site, results: Results) -> None:
        """Measure it all; says how far it is on stderr."""
        start = time.monotonic()
        for count, step in enumerate(self.steps, 1):
            passed = time.monotonic() - start
            print(
                f"[{count}/{len(self.steps)}, {passed:,.0f} s] {step}", file=sys.stderr, flush=True
            )
            round = self._measure(step, site)
            results.add(step.scenario.name, step.case.name, step.stack.name, round)

    def _measure(self, step: Step, site: Site) -> Round:
        case = step.case
        try:
            return measure(step.stack, site, case.load, self.warmup, case.seconds or self.seconds)
        except ProcessFailed as error:
            return Round(Counts(), failure=str(error))


def _steps(
    scenarios: Sequence[Scenario],
    names: Sequence[str] | None,
    rounds: int,
    stacks: Mapping[str, Stack],
) -> Iterator[Step]:
    for scenario in scenarios:
        for number in range(1, rounds + 1):
            for case, name in _in_turn(scenario, names, number, rounds):
                yield Step(scenario, case, stacks[name], number)


def _in_turn(
    scenario: Scenario, names: Sequence[str] | None, number: int, rounds: int
) -> Iterator[tuple[Case, str]]:
    """The loads of one round, each with the name of a stack that is put under it."""
    for case in scenario.cases:
        if number <= (case.rounds or rounds):
            yield from ((case, name) for name in names or case.stacks)
