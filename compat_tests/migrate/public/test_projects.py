"""Public projects of different kinds, where their checkouts are at hand."""

from __future__ import annotations

import json
import subprocess

import pytest

from compat_tests.migrate.public.facts import EXPECTED, VARIABLE, checkouts, facts

PROJECTS = json.loads(EXPECTED.read_text())


@pytest.mark.parametrize("name", PROJECTS)
def test_project(name: str) -> None:
    """What is found is what was found and read by people when it was recorded."""
    root = checkouts()
    if root is None or not (root / name).is_dir():
        pytest.skip(f"{VARIABLE} has no checkout of {PROJECTS[name]['repository']}")
    expected = {**PROJECTS[name]}
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=root / name, text=True)
    assert commit.strip() == expected["commit"], "another commit was recorded"
    found = facts(root / name)
    assert found == {key: expected[key] for key in found}


def test_record() -> None:
    """Eight projects were recorded, each with findings and with edits."""
    assert len(PROJECTS) == 8
    assert all(entry["findings"] and entry["edits"] for entry in PROJECTS.values())
