"""A case, which is a load and the stacks that it is put on; a scenario, which has several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channels_bridge.bench.loads.loads import Connect, Idle, Join, Load, Rate

#: Start and end of a stack together, for the estimate.
START_SECONDS = 2.5
OPENED_PER_SECOND = 500
JOINED_PER_SECOND = 5_000


@dataclass(frozen=True)
class Case:
    """One load, and the stacks that it is put on.

    Args:
        name: tells it from the scenario's others.
        load: what the load generator does.
        stacks: names of stacks.
        column: the main one, if it isn't the scenario's.
        seconds: measured, if it isn't what the command line says.
        rounds: at most so many.
    """

    name: str
    load: Load
    stacks: Sequence[str]
    column: str = ""
    seconds: float | None = None
    rounds: int | None = None

    def estimate(self, warmup: float, seconds: float) -> float:
        """About how many seconds one round takes."""
        load = self.load
        opened = load.connections + getattr(load, "idle", 0)
        if isinstance(load, Connect | Idle | Join):
            warmup = seconds = 1.0
        if isinstance(load, Rate) and load.rate is None:
            warmup = 2 * warmup + 3
        joined = load.connections * load.rooms
        loading = opened / OPENED_PER_SECOND + joined / JOINED_PER_SECOND
        return START_SECONDS + loading + warmup + (self.seconds or seconds)


@dataclass(frozen=True)
class Scenario:
    """One question. Names of cases are unique in it.

    Args:
        name: what the command line calls it.
        question: what it answers.
        unit: what is counted.
        columns: names in ``report.columns``; the first is the main one.
        cases: the loads.
    """

    name: str
    question: str
    unit: str
    columns: Sequence[str]
    cases: Sequence[Case]
