"""The live server of ``channels_bridge.testing`` in Chromium, with a database in a SQLite file."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.browser import require_chromium
from compat_tests.swap.replace import run_tests

SAMPLE = Path(__file__).parent / "sample"

pytestmark = pytest.mark.timeout(180)


def test_live_server(socket_dir):
    """A project's tests with Selenium pass."""
    require_chromium()
    assert run_tests(SAMPLE, env={"GUESTBOOK_DIRECTORY": str(socket_dir)}) == 2
