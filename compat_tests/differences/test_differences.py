"""Every scenario has the outcome with ours that it says, compared to Daphne's and uvicorn's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compat_tests.conftest import OUTCOME
from compat_tests.differences.run import Outcomes
from compat_tests.differences.scenario import Own, Scenario
from compat_tests.differences.scenarios import SCENARIOS
from compat_tests.differences.verdict import judge, kind

GUIDE = Path(__file__).resolve().parents[2] / "migration_guide" / "differences.md"
ROWS = [line for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
OWN = [
    pytest.param(choice.row, id=f"{each.name}-{number}")
    for each in SCENARIOS
    for number, choice in enumerate(each.choices)
    if isinstance(choice, Own)
]


@pytest.mark.timeout(300)  # the first of them runs all scenarios
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_outcomes(
    scenario: Scenario, outcomes: Outcomes, record_property: Callable[[str, object], None]
) -> None:
    """Ours is as both peers, as the better one, or different as the migration guide says."""
    complaints = list(judge(scenario, outcomes[scenario.name]))
    assert not complaints, "\n".join(complaints)
    record_property(OUTCOME, kind(scenario).value)


@pytest.mark.parametrize("row", OWN)
def test_differences_are_documented(row: str) -> None:
    """Each difference from both peers has its row in the migration guide."""
    assert sum(row in line for line in ROWS) == 1


def test_names_are_unique() -> None:
    """A scenario's name tells its requests and its records from those of others."""
    names = [each.name for each in SCENARIOS]
    assert len(set(names)) == len(names)
