"""One server with two workers, for all tests that leave it as it was."""

from __future__ import annotations

import pytest

from ..parity.conftest import database
from .site import serve

__all__ = ["database"]


@pytest.fixture(scope="package")
def site(database):
    with serve(database) as site:
        yield site
