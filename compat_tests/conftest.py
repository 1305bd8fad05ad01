"""Fixtures that more than one folder of tests uses."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import SyncToAsync
from django.db import connections


@pytest.fixture(autouse=True)
def close_connections(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no database connection open in the thread of `sync_to_async()`.

    Tests that come later may not touch the database, which includes looking after a connection.
    """
    yield
    if request.node.get_closest_marker("django_db"):
        SyncToAsync.single_thread_executor.submit(connections.close_all).result(10)


@pytest.fixture
def socket_dir() -> Iterator[Path]:
    """A private directory whose path is short enough for unix sockets (pytest's own may not be)."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        yield Path(directory)
