"""The project's targets are judged by every round."""

from __future__ import annotations

import pytest

from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.report.results import Results, Round
from compat_tests.bench import targets
from compat_tests.bench.report.samples import results


@pytest.mark.parametrize(
    "limit, verdict",
    [(0.05, "reached"), (0.03, "MISSED in 1 of 3 rounds"), (0.01, "MISSED")],
)
def test_targets(limit: float, verdict: str) -> None:
    """A target is reached at or below its limit in every round."""
    measured = results()
    figures = {"cpu_us": 250}
    measured.add("echo", "", "daphne", Round(Counts(), figures))
    for cpu in (10, 5, 5):
        measured.add("echo", "", "websockets_server", Round(Counts(), {"cpu_us": cpu}))
    for _ in range(2):
        measured.add("echo", "", "daphne", Round(Counts(), figures))
    ratio = targets.cpu("echo") / targets.cpu("echo", "", "daphne")
    line = targets.Target("echo", "CPU", limit, ratio).line(measured)
    rounds = "by round: 0.04, 0.02, 0.02"
    assert line == f"{verdict}: echo: CPU: 0.02 (at most {limit}; {rounds})"


def test_target_of_one_round() -> None:
    """A single round needs no list of rounds."""
    measured = Results({})
    measured.add("echo", "", "websockets_server", Round(Counts(), {"cpu_us": 10}))
    line = targets.Target("echo", "CPU", 10, targets.cpu("echo")).line(measured)
    assert line == "reached: echo: CPU: 10 (at most 10)"


def test_only_measured_targets() -> None:
    """Nothing is said of targets whose figures are missing."""
    lines = targets.lines(results())
    assert len(lines) == 3
    assert not any("idle" in line for line in lines)


@pytest.mark.parametrize("stacks", [("uvicorn+core", "uvicorn+pubsub"), ("uvicorn+core",)])
def test_what_asgiref_takes_is_left_out(stacks: tuple[str, ...]) -> None:
    """A call beside others that do nothing shows what each of these takes."""
    measured = Results({})
    costs = {"uvicorn+core": 3000, "uvicorn+pubsub": 2000}
    for name in stacks:
        beside = costs[name] + targets.NOTHINGS * 500
        add_outside(measured, targets.THREAD, name, costs[name])
        add_outside(measured, targets.BESIDE_NOTHING, name, beside)
    ratio = targets.of_best_without_loop(targets.THREAD)
    assert ratio(measured) is None
    add_outside(measured, targets.THREAD, "websockets_server", 600)
    assert ratio(measured) == 600 / (min(map(costs.get, stacks)) - 500)


def add_outside(measured: Results, case: str, stack: str, cpu: float) -> None:
    """Add a round of the scenario "outside"."""
    measured.add("outside", case, stack, Round(Counts(), {"cpu_us": cpu}))
