"""A comparison of this tree with another revision: the same loads on both, in turn, as ratios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

from channels_bridge.bench.loads.case import Case, Scenario
from channels_bridge.bench.loads.scenarios import BRIDGE, SCENARIOS, named
from channels_bridge.bench.report.columns import COLUMNS, Column
from channels_bridge.bench.report.results import Results, Row
from channels_bridge.bench.report.tables import arrived, label, markdown
from compat_tests.bench.revisions import AT

#: What a change to the engine may make dearer: messages, groups, connections and their memory.
COMPARED = ("fanout", "echo", "many-groups", "idle", "connect")
#: Columns that are compared wherever a scenario has them, beside its main one.
COSTS = ("cpu", "kib", "base")


def scenarios(names: Sequence[str], commit: str) -> list[Scenario]:
    """The scenarios with their stacks of ours alone, each followed by the other revision's.

    All of their loads get every round: what takes fewer beside other servers is compared here.
    """
    return [
        replace(scenario, cases=[_both(case, commit) for case in scenario.cases])
        for scenario in named(names)
    ]


def _both(case: Case, commit: str) -> Case:
    ours = [name for name in case.stacks if name.startswith(BRIDGE)]
    pairs = [name for stack in ours for name in (stack, f"{stack}{AT}{commit}")]
    return replace(case, stacks=pairs, rounds=None)


def text(results: Results, commit: str) -> str:
    """A table of the costs on both sides, with their ratios, and what went wrong, if it did."""
    heading = ["", "", "this tree", commit, "ratio", "in each round"]
    pairs = list(_pairs(results, commit))
    lines = [line for here, there in pairs for line in _lines(here, there)]
    wrong = [
        f"{label(row)}, {row.scenario}: {arrived(row)}"
        for pair in pairs
        for row in pair
        if not arrived(row).startswith("all")
    ]
    return "\n".join([markdown([heading, *lines]), *wrong])


def _pairs(results: Results, commit: str) -> Iterator[tuple[Row, Row]]:
    """Each row of this tree, with the other revision's."""
    for row in results:
        if other := results.row(row.scenario, row.case, f"{row.stack}{AT}{commit}"):
            yield row, other


def _lines(here: Row, there: Row) -> Iterator[list[str]]:
    """The lines of one load: a figure on both sides, the median ratio, and each round's."""
    scenario = SCENARIOS[here.scenario]
    for column in _columns(scenario, here.case):
        ratios = [
            mine / theirs
            for mine, theirs in zip(
                here.values(column.figure), there.values(column.figure), strict=False
            )
            if theirs
        ]
        yield [
            _title(here),
            column.title(scenario.unit),
            column.cell(here),
            column.cell(there),
            f"{median(ratios):.3f}" if ratios else "-",
            ", ".join(f"{ratio:.3f}" for ratio in ratios),
        ]


def _columns(scenario: Scenario, case: str) -> list[Column]:
    """The main column of a load, and those of the scenario that are costs."""
    main = next(each.column for each in scenario.cases if each.name == case)
    costs = [name for name in scenario.columns if name in COSTS]
    return [COLUMNS[name] for name in dict.fromkeys([main or scenario.columns[0], *costs])]


def _title(row: Row) -> str:
    """The load of a row, and how the server was run if it was in another way than usual."""
    server = row.stack.removeprefix(BRIDGE).removeprefix("-")
    return ", ".join(filter(None, (row.scenario, row.case, server)))
