"""What is compared: where findings are, and which lines change."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.migration import Changed, look
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.rule_book import FINDERS

EXPECTED = Path(__file__).parent / "expected.json"

#: The directory that has a checkout of each project, under the name that the file gives it.
VARIABLE = "CHANNELS_BRIDGE_CHECKOUTS"


def checkouts() -> Path | None:
    """Return that directory; None if the environment does not name it."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def facts(root: Path) -> dict[str, Any]:
    """Return what is found in a checkout, and what would change."""
    migration = look(Project(root), MigrateOptions(), FINDERS)
    return {
        "findings": [
            f"{f.rule.id} {f.severity.value} {f.path}:{f.line}" for f in migration.findings
        ],
        "edits": [line for changed in migration.changes() for line in _lines(changed)],
        "skipped": sorted(problem.path for problem in migration.project.problems),
    }


def _lines(changed: Changed) -> list[str]:
    """Return each place that changes: its first line, how many lines go, and how many come."""
    before, after = changed.file.text.splitlines(), changed.text.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        f"{changed.file.path}:{a + 1} -{b - a} +{d - c}"
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind != "equal"
    ]
