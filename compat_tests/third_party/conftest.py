"""A directory for what the projects of these tests write."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """For the database and the sockets of a server that the tests of a file share."""
    with tempfile.TemporaryDirectory(prefix="cb-") as name:
        yield Path(name)
