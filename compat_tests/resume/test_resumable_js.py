"""``resumable.js`` by node's test runner: no browser, sockets and time of the tests' own making."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import channels_bridge
from compat_tests.resume.node import run_node

TESTS = Path(__file__).parent / "javascript"
CLIENT = Path(channels_bridge.__file__).parent / "static/channels_bridge/resumable.js"


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.mjs")))
def test_javascript(name: str) -> None:
    """The tests of one file pass."""
    printed = run_node("--test", "--test-reporter=spec", name, directory=TESTS)
    assert "ℹ fail 0" in printed and "ℹ pass 0" not in printed


def test_it_is_small() -> None:
    """What a page loads stays below 3 KB, as it is served: readable, and compressed by default."""
    assert len(gzip.compress(CLIENT.read_bytes(), 6)) < 3 * 1024
