"""Markdown tables, one for each scenario."""

from __future__ import annotations

from channels_bridge.bench.loads.scenarios import SCENARIOS
from channels_bridge.bench.report.columns import COLUMNS
from channels_bridge.bench.report.results import Results, Row


def names(results: Results) -> list[str]:
    """The scenarios that were measured."""
    return list(dict.fromkeys(row.scenario for row in results))


def title(name: str) -> str:
    """The heading of a scenario's table; a user's own has no question."""
    return f"{name}: {SCENARIOS[name].question}" if name in SCENARIOS else name


def table(results: Results, name: str) -> str:
    """A Markdown table with one row per stack and load."""
    # A user's own messages are told as those of a group are.
    scenario = SCENARIOS.get(name, SCENARIOS["fanout"])
    columns = [COLUMNS[column] for column in scenario.columns]
    rows = [["stack", *(column.title(scenario.unit) for column in columns), "arrived"]]
    for row in results.of(name):
        rows.append([label(row), *(column.cell(row) for column in columns), arrived(row)])
    return markdown(rows)


def markdown(rows: list[list[str]]) -> str:
    """Rows as Markdown; the first is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def label(row: Row) -> str:
    """The stack of a row, and its load if the scenario has several."""
    return f"{row.stack}, {row.case}" if row.case else row.stack


def arrived(row: Row) -> str:
    """Say that all came once and in order, or else what was lost, repeated or reordered."""
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
