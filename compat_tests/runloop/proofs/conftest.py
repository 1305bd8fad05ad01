"""Handlers are read here, and run by hand: no engine is needed."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def worker():
    """What a worker does before it serves: nothing of it."""
