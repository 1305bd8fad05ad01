"""Documents are filled with the figures of one or several runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.loads.scenarios import SCENARIOS
from channels_bridge.bench.report.columns import COLUMNS
from channels_bridge.bench.report.results import Results, Round
from compat_tests.bench import documents, layers_compared, summary
from compat_tests.bench.report.samples import results


def test_several_runs(tmp_path: Path) -> None:
    """Several runs are the rounds of one, and the header tells of all of them."""
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for file, date in zip(files, ["today", "tomorrow"], strict=True):
        run = results()
        run.header["date"] = date
        file.write_text(run.as_json())
    read = documents.read(files)
    assert read.header == {"python": "3", "date": "today; tomorrow"}
    assert next(iter(read)).values("cpu_us") == [30, 10, 20, 30, 10, 20]


def test_fill() -> None:
    """The summary takes the place of what was between its marks, and of nothing else."""
    readme = "above\n<!-- bench summary -->\nold\n<!-- /bench -->\nbelow\n"
    text = documents.fill(readme, results(), documents.PARTS)
    assert text.startswith("above\n<!-- bench summary -->\n")
    assert text.endswith("<!-- /bench -->\nbelow\n")
    assert "old" not in text
    row = next(line for line in text.splitlines() if line.startswith("| fanout"))
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    daphne = "600.0 (daphne+core)"
    assert cells == ["fanout", "CPU us/delivery", "20.0", daphne, daphne]


def test_readme_has_a_part() -> None:
    """README has the loads that it tells, and no other; each is one that there is."""
    readme = "<!-- bench summary in short -->\n<!-- /bench -->\n"
    lines = documents.fill(readme, results(), documents.PARTS).splitlines()
    told = [line.split("|")[1].strip() for line in lines[4:-2]]
    assert told == ["fanout"]
    assert all(
        case in [each.name for each in SCENARIOS[name].cases] for name, case in summary.FIRST
    )


def steady(seconds: float = 3.1, rounds: int = 3) -> Results:
    """A run with so many rounds, each as long; connections are opened for as long as it takes."""
    measured = Results({})
    for _ in range(rounds):
        figures = {"cpu_us": 10, "rate": 500, "seconds": seconds}
        measured.add("fanout", "", "websockets_server", Round(Counts(), figures))
        measured.add("connect", "no session", "uvicorn", Round(Counts(), {**figures, "seconds": 1}))
    return measured


def test_summary_needs_rounds(tmp_path: Path) -> None:
    """Documents are filled where each row has three rounds of three seconds, and not otherwise."""
    readme = tmp_path / "README.md"
    readme.write_text("<!-- bench summary -->\nold\n<!-- /bench -->\n")
    for measured, missing in (
        (steady(seconds=2.0), "of: fanout, websockets_server"),
        (steady(rounds=2), "of: fanout, websockets_server; connect, no session, uvicorn"),
    ):
        with pytest.raises(SystemExit, match="3 rounds of 3 seconds") as refused:
            documents.fill_all([readme], measured, documents.PARTS)
        assert str(refused.value).endswith(missing)
        with pytest.raises(SystemExit, match="3 rounds"):
            documents.fill_all([readme], measured, ["summary in short"])
        documents.fill_all([readme], measured, ["tables"])
        assert "old" in readme.read_text()
    documents.fill_all([readme], steady(seconds=2.9997), documents.PARTS)
    assert "| fanout " in readme.read_text()


def test_best_is_most() -> None:
    """Where more is better, the best is the greatest."""
    rows = [row for row in results() if row.stack == "daphne+core"]
    assert summary.best(COLUMNS["rate"], rows) == "500 (daphne+core)"


def test_one_part_is_filled() -> None:
    """What a run has no figures for keeps those that it has."""
    marks = "<!-- bench {} -->\nold\n<!-- /bench -->\n"
    readme = marks.format("summary") + marks.format("layers in full")
    text = documents.fill(readme, results(), ["layers in full"])
    assert text.startswith(marks.format("summary"))
    assert text.count("old") == 1


def layers() -> Results:
    """One round of each layer's stack, under the load that crosses workers."""
    costs = {"websockets_server-w2": 20, "websockets_server-w2+nats": 17, "uvicorn-w2+core": 400}
    measured = Results({"python": "3"})
    measured.add("cross", "one worker", "websockets_server", Round(Counts(), {"cpu_us": 15}))
    for stack, cpu in costs.items():
        measured.add("cross", "two workers", stack, Round(Counts(), {"cpu_us": cpu}))
    return measured


def test_layers_side_by_side() -> None:
    """Each layer has a column, and each load that was measured a line."""
    _, _, *lines = layers_compared.compared(layers()).splitlines()
    one, two = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines)
    assert one == ["cross, one worker", "CPU us/delivery", "15.0", "-", "-", "-", "-"]
    assert two == ["cross, two workers", "CPU us/delivery", "20.0", "17.0", "-", "-", "400.0"]


def test_layers_in_full() -> None:
    """Every figure is told, and whether what the project aims at with NATS is reached."""
    text = layers_compared.in_full(layers())
    assert "| uvicorn-w2+core, two workers " in text
    assert "- reached: cross: CPU on two workers and one node of NATS" in text
    assert "\n- python: 3\n" in text
