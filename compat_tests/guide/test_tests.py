"""The tests that the guide shows pass in the tutorial's project, letter by letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels_bridge.migrate.__main__ import main
from compat_tests.guide.pages import block
from compat_tests.servers import REPOSITORY
from compat_tests.swap.replace import copy, run, run_tests

ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tutorial's project, after the migration tool."""
    place = copy(REPOSITORY / "compat_tests/migrate/sample", tmp_path)
    assert main([str(place), "--write"]) == 0
    return place


def test_live_server(project: Path) -> None:
    """A test case says something to a group, and a client of its server hears it."""
    text = block("testing.md", "python", "from asgiref.sync import async_to_sync")
    (project / "chat/tests.py").write_text(text)
    assert "Ran 1 test" in run(project, "manage.py", "test", env=ENVIRONMENT)


def test_communicator(project: Path) -> None:
    """A function of pytest talks to the project's application by the package's fixtures."""
    (project / "test_chat.py").write_text(block("testing.md", "python", "import pytest"))
    assert run_tests(project, "test_chat.py", env=ENVIRONMENT) == 1
