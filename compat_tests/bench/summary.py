"""The summary of a run: a line for each load, with our figure, the best other one and Daphne's.

README has the lines that a stranger asks for first, the guide has all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from channels_bridge.bench.loads.case import Case, Scenario
from channels_bridge.bench.loads.loads import Connect, Idle, Join
from channels_bridge.bench.loads.scenarios import BRIDGE, SCENARIOS
from channels_bridge.bench.report.columns import COLUMNS, Column
from channels_bridge.bench.report.results import Results, Round, Row
from channels_bridge.bench.report.tables import markdown, names
from compat_tests.bench.layers_compared import ABOUT_LAYERS

#: What a row needs at least: single rounds differ by a third.
ROUNDS = 3
SECONDS = 3.0
#: A window ends by a timer, which is some hundred microseconds early or late.
TOLERANCE = 0.01

#: What README tells, a line each, whether it is better here or not.
FIRST = (
    ("fanout", ""),
    ("many-groups", "500 groups of 1"),
    ("echo", ""),
    ("sync", ""),
    ("connect", "a session's user"),
    ("idle", ""),
    ("latency", "100 messages a second"),
)

#: Loads that end when their work is done.
UNTIMED = (Connect, Idle, Join)


def unsteady(results: Results) -> list[str]:
    """The loads that were measured for too short a time to be told, in words."""
    return [
        f"{row.scenario}{row.case and ', '}{row.case}, {row.stack}"
        for row in results
        if row.scenario in SCENARIOS and row.scenario not in ABOUT_LAYERS and not is_steady(row)
    ]


def is_steady(row: Row) -> bool:
    """Whether it has as many rounds as are needed, each as long."""
    loads = [case.load for case in SCENARIOS[row.scenario].cases if case.name == row.case]
    is_timed = not any(isinstance(load, UNTIMED) for load in loads)
    rounds = [round for round in row.rounds if not is_timed or is_long(round)]
    return bool(row.failure) or len(rounds) >= ROUNDS


def is_long(round: Round) -> bool:
    """Whether it was measured for as long as it has to be."""
    return round.figures.get("seconds", 0) >= SECONDS * (1 - TOLERANCE)


def summary(results: Results) -> str:
    """A Markdown table of the main figures: ours, the best of the others, and Daphne's."""
    told = [name for name in names(results) if name in SCENARIOS and name not in ABOUT_LAYERS]
    loads = [(name, case) for name in told for case in SCENARIOS[name].cases]
    return compared(results, loads)


def in_short(results: Results) -> str:
    """The same for the loads that README tells."""
    cases = {(name, case.name): case for name in SCENARIOS for case in SCENARIOS[name].cases}
    return compared(results, [(name, cases[name, case]) for name, case in FIRST])


def compared(results: Results, loads: Iterable[tuple[str, Case]]) -> str:
    """The table with a line for each of these loads that was measured."""
    rows = [["", "", "websockets_server", "best other", "Daphne"]]
    for name, case in loads:
        if measured := [row for row in results.of(name) if row.case == case.name]:
            rows.append(main_figures(SCENARIOS[name], case, measured))
    return markdown(rows)


def main_figures(scenario: Scenario, case: Case, rows: Sequence[Row]) -> list[str]:
    """One line of the summary."""
    column = COLUMNS[case.column or scenario.columns[0]]
    # On the layer that it has by default; ``layers_compared`` has the others.
    ours = [row for row in rows if row.stack.startswith(BRIDGE) and "+" not in row.stack]
    others = [row for row in rows if not row.stack.startswith((BRIDGE, "picows"))]
    daphne = [row for row in others if row.stack.startswith("daphne")]
    what = f"{scenario.name}, {case.name}" if case.name else scenario.name
    return [
        what,
        column.title(scenario.unit),
        best(column, ours, named=False),
        best(column, others),
        best(column, daphne[:1]),
    ]


def best(column: Column, rows: Sequence[Row], named: bool = True) -> str:
    """The best median of some rows, and whose it is."""
    medians = [(median, row) for row in rows if (median := row.median(column.figure)) is not None]
    if not medians:
        return "-"
    median, row = (max if column.more else min)(medians, key=lambda pair: pair[0])
    figure = column.form.format(median)
    return f"{figure} ({row.stack})" if named else figure
