"""Fixtures for clients and exchanges without a network between them."""

from __future__ import annotations

import pytest

from compat_tests.groups.sessions import Clock, set_clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time, for all that counts it."""
    return set_clock(monkeypatch)
