"""The tables say what the rounds showed."""

from __future__ import annotations

from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.report import tables
from channels_bridge.bench.report.results import Results, Round
from compat_tests.bench.report.samples import results


def test_table() -> None:
    """Figures are medians with the least and greatest; a stack that loses says so in its row."""
    _, _, ours, theirs = tables.table(results(), "fanout").splitlines()
    assert [cell.strip() for cell in ours.split("|")[1:-1]] == [
        "websockets_server",
        "20.0 (10.0-30.0)",
        "500 (500-500)",
        "1.0 (1.0-1.0)",
        "2.0 (2.0-2.0)",
        "all 1,200",
    ]
    assert "3 of 1,200 lost" in theirs


def test_failure() -> None:
    """A stack that failed has a row that says so."""
    failed = Results({})
    failed.add("echo", "", "daphne", Round(Counts(), failure="exit code 1"))
    assert "failed: exit code 1" in tables.table(failed, "echo")


def test_json() -> None:
    """What is written as JSON reads the same again."""
    again = Results.from_json(results().as_json())
    assert list(again) == list(results())
    assert again.header == {"python": "3"}
