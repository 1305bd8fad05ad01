"""All scenarios run once for all tests."""

from __future__ import annotations

import pytest

from compat_tests.differences.run import Outcomes, run
from compat_tests.differences.scenarios import SCENARIOS


@pytest.fixture(scope="session")
def outcomes() -> Outcomes:
    return run(SCENARIOS)
