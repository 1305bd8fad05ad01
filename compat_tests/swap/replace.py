"""The search-and-replace that a project's imports go through, and how its own tests are run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from compat_tests.servers import run_python

DEADLINE = 110  # seconds for the test suite of a project


def copy(project: Path, directory: Path) -> Path:
    """Copy a project without what running it leaves behind."""
    ignore = shutil.ignore_patterns("__pycache__", "*.sqlite3*", ".pytest_cache")
    return Path(shutil.copytree(project, directory / project.name, ignore=ignore))


def replace(project: Path) -> int:
    """Write ``channels_bridge`` for each ``channels`` in a project's code. Returns how many."""
    count = 0
    for path in project.rglob("*.py"):
        text, replaced = re.subn(r"\bchannels\b", "channels_bridge", path.read_text())
        path.write_text(text)
        count += replaced
    return count


def run(project: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run Python in a project; its output, or an assertion that shows it."""
    return run_python(project, *arguments, env=env, merged=True, timeout=DEADLINE).stdout


def run_tests(project: Path, *paths: str, env: Mapping[str, str] | None = None) -> int:
    """Run a project's own tests, which must pass. Returns their number."""
    options = ["-q", "-p", "no:cacheprovider"]
    output = run(project, "-m", "pytest", *options, *paths, env=env)
    match = re.search(r"^(\d+) passed", output, re.MULTILINE)
    assert match, output
    return int(match[1])
