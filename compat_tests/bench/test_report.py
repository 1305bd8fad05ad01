"""The report says what the rounds showed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from channels_bridge.bench import targets
from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.report import chart, printed, tables
from channels_bridge.bench.report.columns import COLUMNS
from channels_bridge.bench.report.results import Results, Round


def results() -> Results:
    """Three rounds of two stacks; the second one loses a message in each."""
    results = Results({"python": "3"})
    for cpu in (30, 10, 20):
        figures = {"cpu_us": cpu, "rate": 500, "p50_ms": 1, "p99_ms": 2}
        results.add("fanout", "", "websockets_server", Round(Counts(400, 400), figures))
        slow = {**figures, "cpu_us": cpu * 30}
        results.add("fanout", "", "daphne+core", Round(Counts(400, 399), slow))
    return results


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


def test_several_runs(tmp_path: Path) -> None:
    """Several runs are the rounds of one, and the header tells of all of them."""
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for file, date in zip(files, ["today", "tomorrow"], strict=True):
        run = results()
        run.header["date"] = date
        file.write_text(run.as_json())
    read = printed.read(files)
    assert read.header == {"python": "3", "date": "today; tomorrow"}
    assert next(iter(read)).values("cpu_us") == [30, 10, 20, 30, 10, 20]


def test_only_measured_targets() -> None:
    """Nothing is said of targets whose figures are missing."""
    lines = targets.lines(results())
    assert len(lines) == 3
    assert not any("idle" in line for line in lines)


def test_chart() -> None:
    """The chart is SVG, with a bar for each stack."""
    svg = ElementTree.fromstring(chart.draw(results()))
    bars = svg.findall("{http://www.w3.org/2000/svg}rect")
    assert [bar.get("class") for bar in bars] == ["bar", "bar ours"]
    widths = [float(bar.get("width", 0)) for bar in bars]
    assert widths[0] == pytest.approx(30 * widths[1], rel=0.01)


def test_fill() -> None:
    """The summary takes the place of what was between its marks, and of nothing else."""
    readme = "above\n<!-- bench summary -->\nold\n<!-- /bench -->\nbelow\n"
    text = printed.fill(readme, results())
    assert text.startswith("above\n<!-- bench summary -->\n")
    assert text.endswith("<!-- /bench -->\nbelow\n")
    assert "old" not in text
    row = next(line for line in text.splitlines() if line.startswith("| fanout"))
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    daphne = "600.0 (daphne+core)"
    assert cells == ["fanout", "CPU us/delivery", "20.0", daphne, daphne]


def test_best_is_most() -> None:
    """Where more is better, the best is the greatest."""
    rows = [row for row in results() if row.stack == "daphne+core"]
    assert COLUMNS["rate"].best(rows) == "500 (daphne+core)"
