"""Fixtures that more than one folder of tests uses."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def socket_dir() -> Iterator[Path]:
    """A private directory whose path is short enough for unix sockets (pytest's own may not be)."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        yield Path(directory)
