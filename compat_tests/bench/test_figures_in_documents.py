"""Documents are filled with the figures of one or several runs."""

from __future__ import annotations

from pathlib import Path

from channels_bridge.bench.report.columns import COLUMNS
from compat_tests.bench import documents, summary
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
    text = documents.fill(readme, results())
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
    assert summary.best(COLUMNS["rate"], rows) == "500 (daphne+core)"
