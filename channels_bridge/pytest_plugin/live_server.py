"""The live server's fixture, under pytest-django."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest


@pytest.fixture
def channels_live_server(
    transactional_db: None, _channels_bridge_live_server: Any
) -> Iterator[Any]:
    """The project, served with static files in a separate process.

    One process serves all tests of the session; the database is flushed after each. Groups are
    shared with it while a test uses this.
    """
    process = import_module("channels_bridge.testing.process")
    with process.using_hub_of_tests():
        yield _channels_bridge_live_server


@pytest.fixture(scope="session")
def _channels_bridge_live_server(django_db_setup: None, django_db_blocker: object) -> Iterator[Any]:
    with import_module("channels_bridge.testing.session_server").serve() as server:
        yield server
