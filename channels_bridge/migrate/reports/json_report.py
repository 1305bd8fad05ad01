"""The report as JSON, for programs."""

from __future__ import annotations

import json
from typing import Any

from channels_bridge import __version__
from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migration import Migration
from channels_bridge.migrate.model.rule import Finding
from channels_bridge.migrate.reports.guide_links import link


def report(migration: Migration) -> str:
    """Return all findings, each with its edits as ranges of bytes, and what was skipped."""
    document = {
        "version": __version__,
        "findings": [_finding(migration, finding) for finding in migration.findings],
        "skipped": [
            {"path": problem.path, "reason": problem.text, "matters": problem.matters}
            for problem in migration.project.problems
        ],
    }
    return json.dumps(document, indent=2)


def _finding(migration: Migration, finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "severity": finding.severity.value,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
        "fix": finding.fix,
        "edits": [_edit(migration, edit) for edit in finding.edits],
        "url": link(finding.rule),
    }


def _edit(migration: Migration, edit: Edit) -> dict[str, Any]:
    file = migration.project.file(edit.path)
    assert file is not None, edit.path
    return {
        "path": edit.path,
        "start": file.byte_offset(edit.start),
        "end": file.byte_offset(edit.end),
        "text": edit.text.replace("\n", file.newline),
    }
