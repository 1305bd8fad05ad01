"""The sums of the guide to capacity begin with figures of the project's benchmark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "migration_guide"
CAPACITY = (GUIDE / "capacity.md").read_text()
PERFORMANCE = (GUIDE / "performance_figures.md").read_text()


@pytest.mark.parametrize(
    "scenario, stack, column, form",
    [
        ("idle", "websockets_server", 1, "| {:.1f} KiB |"),
        ("idle", "websockets_server", 2, "| {:.0f} MiB |"),
        ("fanout", "websockets_server", 1, "| {:.0f} us of CPU |"),
        ("many-groups", "websockets_server, 500 groups of 1", 1, "| {:.0f} us |"),
        ("connect", "websockets_server, no session", 1, "| {:,.0f} us; "),
        ("connect", "websockets_server, a session's user", 1, "; {:,.0f} us with a session"),
    ],
)
def test_figures(scenario: str, stack: str, column: int, form: str) -> None:
    """Whoever fills in a new run sees which sums are to be done again."""
    assert form.format(median(scenario, stack, column)) in CAPACITY


def median(scenario: str, stack: str, column: int) -> float:
    """A figure of the last run, from the table of its scenario."""
    _, _, table = PERFORMANCE.partition(f"**{scenario}: ")
    row = re.search(rf"^\| {re.escape(stack)} +\|.*$", table, re.MULTILINE)
    assert row, f"no {stack} in the table of {scenario}"
    cell = row[0].split("|")[column + 1]
    return float(cell.split()[0].replace(",", ""))
