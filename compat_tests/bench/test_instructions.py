"""Instructions of a delivery are counted as the difference of two runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.bench import instructions
from compat_tests.bench.delivering import MEMBERS
from compat_tests.servers import REPOSITORY, run_python


@pytest.mark.parametrize("kind", ["off", *instructions.KINDS])
def test_deliveries(kind: str) -> None:
    """What is counted runs to its end: each member gets each message."""
    run_python(REPOSITORY, str(instructions.SCRIPT), "30", kind)


def test_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """What starting takes is not counted."""

    def count(directory: Path, rounds: int, kind: str) -> int:
        return 1_000_000 + 700 * rounds * MEMBERS

    monkeypatch.setattr(instructions, "count", count)
    assert instructions.per_delivery(REPOSITORY, "off") == 700
