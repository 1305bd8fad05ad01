"""How the suite is divided."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.parallel import LONGEST, TOGETHER
from compat_tests.servers import REPOSITORY


@pytest.mark.parametrize("path", [*TOGETHER, *LONGEST])
def test_paths(path: str) -> None:
    """What is put together, or comes first, is there: it may have been renamed."""
    assert Path(REPOSITORY, path).exists()
