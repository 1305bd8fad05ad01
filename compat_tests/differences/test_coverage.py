"""No behaviour of Channels and its servers is left without a scenario or a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compat_tests.differences.coverage import BEHAVIOURS, COUNTS
from compat_tests.differences.scenarios import SCENARIOS

TESTS = Path(__file__).resolve().parent.parent
SHOWN = {number for each in SCENARIOS for number in each.covers.split()}
NAMED = sorted({test for line in BEHAVIOURS.values() for test in line.tests})


def test_all_numbers() -> None:
    """Every number has its line."""
    expected = {f"{kind}{n + 1}" for kind, count in COUNTS.items() for n in range(count)}
    assert set(BEHAVIOURS) == expected | {"A5b"}
    assert SHOWN <= set(BEHAVIOURS)


@pytest.mark.parametrize("number", BEHAVIOURS)
def test_covered(number: str) -> None:
    """A scenario or a test shows each behaviour, unless it does not apply."""
    line = BEHAVIOURS[number]
    assert bool(line.tests or number in SHOWN) != bool(line.inapplicable), line.says


@pytest.mark.parametrize("test", NAMED)
def test_tests_exist(test: str) -> None:
    """Each test that is named is there."""
    file, _, name = test.partition("::")
    assert re.search(rf"^(async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE)
