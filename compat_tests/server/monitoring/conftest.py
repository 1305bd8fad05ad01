"""One server with two workers, for all tests that leave it as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from compat_tests.engine import serve
from compat_tests.parity.conftest import database
from compat_tests.server.monitoring.site import Monitor, running_site

JSON_LOG = ("--access-log-format", "json")

__all__ = ["database", "serve"]


@pytest.fixture(scope="package")
def site(database):
    """The sample project on two workers, with metrics on a socket and JSON log lines."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        path = Path(directory, "metrics.sock")
        with running_site(database, "--metrics", f"unix:{path}", *JSON_LOG) as site:
            site.monitor = Monitor(path)
            yield site
