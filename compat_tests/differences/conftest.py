"""All scenarios run once for all tests."""

from __future__ import annotations

import pytest

from .run import Outcomes, run
from .scenarios import SCENARIOS


@pytest.fixture(scope="session")
def outcomes() -> Outcomes:
    return run(SCENARIOS)
