"""Markdown tables: one for each scenario, and one of the main figures of all."""

from __future__ import annotations

from collections.abc import Sequence

from channels_bridge.bench.loads.scenarios import BRIDGE, SCENARIOS, Case, Scenario
from channels_bridge.bench.report.columns import COLUMNS
from channels_bridge.bench.report.results import Results, Row


def names(results: Results) -> list[str]:
    """The scenarios that were measured."""
    return list(dict.fromkeys(row.scenario for row in results))


def title(name: str) -> str:
    return f"{name}: {SCENARIOS[name].question}" if name in SCENARIOS else name


def table(results: Results, name: str) -> str:
    """A Markdown table with one row per stack and load."""
    scenario = SCENARIOS.get(name, SCENARIOS["fanout"])
    columns = [COLUMNS[column] for column in scenario.columns]
    rows = [["stack", *(column.title(scenario.unit) for column in columns), "arrived"]]
    for row in results.of(name):
        rows.append([label(row), *(column.cell(row) for column in columns), arrived(row)])
    return markdown(rows)


def summary(results: Results) -> str:
    """A Markdown table of the main figures: ours, the best of the others, and Daphne's."""
    rows = [["", "", "websockets_server", "best other", "Daphne"]]
    for name in filter(SCENARIOS.__contains__, names(results)):
        for case in SCENARIOS[name].cases:
            measured = [row for row in results.of(name) if row.case == case.name]
            if measured:
                rows.append(main_figures(SCENARIOS[name], case, measured))
    return markdown(rows)


def main_figures(scenario: Scenario, case: Case, rows: Sequence[Row]) -> list[str]:
    """One line of the summary."""
    column = COLUMNS[case.column or scenario.columns[0]]
    ours = [row for row in rows if row.stack.startswith(BRIDGE)]
    others = [row for row in rows if not row.stack.startswith((BRIDGE, "picows"))]
    daphne = [row for row in others if row.stack.startswith("daphne")]
    what = f"{scenario.name}, {case.name}" if case.name else scenario.name
    return [
        what,
        column.title(scenario.unit),
        column.best(ours, named=False),
        column.best(others),
        column.best(daphne[:1]),
    ]


def markdown(rows: list[list[str]]) -> str:
    """Rows as Markdown; the first is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def label(row: Row) -> str:
    return f"{row.stack}, {row.case}" if row.case else row.stack


def arrived(row: Row) -> str:
    """Whether all came once and in order; what is wrong, if something is."""
    if row.failure:
        return f"failed: {row.failure}"
    expected = row.count("expected")
    wrong = {
        f"of {expected:,} lost": expected - row.count("delivered"),
        "duplicated": row.count("duplicated"),
        "out of order": row.count("out_of_order"),
        "connections lost": row.count("connections_lost"),
    }
    told = [f"{count:,} {what}" for what, count in wrong.items() if count]
    return ", ".join(told) or (f"all {expected:,}" if expected else "all")
