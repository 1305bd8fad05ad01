"""All scenarios run once for all tests; what came of them is told at the end."""

from __future__ import annotations

from collections import Counter

import pytest

from .run import Outcomes, run
from .scenarios import SCENARIOS
from .verdict import Kind

#: What kind of outcome each scenario had that passed.
JUDGED = pytest.StashKey[list[Kind]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[JUDGED] = []


@pytest.fixture(scope="session")
def outcomes() -> Outcomes:
    return run(SCENARIOS)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    judged = config.stash[JUDGED]
    if judged:
        counts = Counter(judged)
        told = ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind)
        terminalreporter.write_line(
            f"scenarios compared under Daphne, uvicorn and websockets_server: {len(judged)}: {told}"
        )
