"""What history costs is told beside the same load without it."""

from __future__ import annotations

from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.report.results import Results, Round
from compat_tests.bench import documents, history_compared, targets


def measured() -> Results:
    """Two rounds of one load on each side, and a load that has only one."""
    results = Results({"python": "3"})
    for stack, costs in {
        "websockets_server": (10, 20),
        "websockets_server+history": (11, 25),
    }.items():
        for cost in costs:
            results.add("fanout", "", stack, Round(Counts(), {"cpu_us": cost}))
    alone = Round(Counts(), {"cpu_us": 7})
    results.add("shared", "20 groups of 10", "websockets_server+history", alone)
    return results


def test_side_by_side() -> None:
    """Each load that was measured on both sides has a line, with the ratio of each round."""
    text = history_compared.compared(measured())
    _, _, line, *rest = text.splitlines()
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells == ["fanout", "15.0", "18.0", "1.20 (1.10, 1.25)"]
    assert "shared" not in "".join(rest)
    assert "- python: 3" in rest
    assert rest[-1].startswith("- MISSED in 1 of 2 rounds: fanout: CPU with history")


def test_told_once() -> None:
    """Other tables and targets leave history to its own section."""
    assert "+history" not in documents.every_table(measured())
    assert "history" not in documents.verdicts(measured())
    assert any("history" in line for line in targets.lines(measured()))
