"""The tables of the comparison say what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("picows", reason="the tables are written with the extra bench")

from compat_tests.resume.jitter.arrivals import Score
from compat_tests.resume.jitter.figures import FIRST, fill, in_short, section
from compat_tests.resume.jitter.trial import Outcome

OUTCOME = Outcome(Score(expected=200, delivered=199, untold=1, caught_up=[0.002]), cpu_us=20)


def test_table() -> None:
    """A contestant has a line, and its figures are under their headings."""
    heading, _, line = section("faults", {"daphne+core": OUTCOME}, ["a note"]).splitlines()[2:5]
    cells = [[cell.strip() for cell in each.split("|")[1:-1]] for each in (heading, line)]
    told = dict(zip(*cells, strict=True))
    assert told["delivered %"] == "99.50"
    assert (told["gaps untold"], told["gaps told"], told["caught up p99 ms"]) == ("1", "0", "2")


def test_table_in_short() -> None:
    """README has some of the columns, with the same figures."""
    heading, _, line = in_short("faults", {"daphne+core": OUTCOME}).splitlines()[2:]
    assert [cell.strip() for cell in heading.split("|")[2:-1]] == list(FIRST)
    assert line.split("|")[2].strip() == "99.50"


def test_fill(tmp_path: Path) -> None:
    """A document gets the tables of those profiles that it has marks for."""
    document = tmp_path / "README.md"
    document.write_text("above\n<!-- jitter faults -->\nold\n<!-- /jitter -->\nbelow\n")
    fill(document, {"faults": "new", "network": "other"})
    expected = "above\n<!-- jitter faults -->\n\nnew\n\n<!-- /jitter -->\nbelow\n"
    assert document.read_text() == expected
