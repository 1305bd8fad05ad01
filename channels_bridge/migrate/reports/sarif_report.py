"""The report as SARIF 2.1.0, which GitHub's code scanning and editors show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from urllib.parse import quote

from channels_bridge import __version__
from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migration import Migration
from channels_bridge.migrate.model.project import Problem
from channels_bridge.migrate.model.rule import Finding, Rule, Severity
from channels_bridge.migrate.reports.guide_links import link

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}


def report(migration: Migration, rules: Iterable[Rule]) -> str:
    """Return one run of the tool, with all of its rules."""
    driver = {
        "name": "channels_bridge.migrate",
        "version": __version__,
        "rules": [_rule(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(migration)],
        "results": [_result(migration, finding) for finding in migration.findings],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": f"{rule.explanation}\n\nSee {link(rule)}"},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _invocation(migration: Migration) -> dict[str, Any]:
    notes = [_note(problem) for problem in migration.project.problems]
    return {"executionSuccessful": not migration.unread, "toolExecutionNotifications": notes}


def _note(problem: Problem) -> dict[str, Any]:
    return {
        "level": "error" if problem.matters else "note",
        "message": {"text": f"{problem.path} was skipped: {problem.text}"},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(problem.path)}}],
    }


def _artifact(path: str) -> dict[str, str]:
    return {"uri": quote(path)}


def _result(migration: Migration, finding: Finding) -> dict[str, Any]:
    text = f"{finding.message} {finding.fix}".strip()
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "level": LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": _place(finding)}],
        "partialFingerprints": {"findingHash/v1": _fingerprint(migration, finding)},
    }
    if finding.edits:
        result["fixes"] = [_fix(migration, finding)]
    return result


def _place(finding: Finding) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    return {"artifactLocation": _artifact(finding.path), "region": region}


def _fingerprint(migration: Migration, finding: Finding) -> str:
    """Return what stays the same while lines above come and go."""
    file = migration.project.file(finding.path)
    line = file.line(finding.line).strip() if file else ""
    return hashlib.sha256(f"{finding.rule.id}:{finding.path}:{line}".encode()).hexdigest()[:32]


def _fix(migration: Migration, finding: Finding) -> dict[str, Any]:
    by_file = groupby(sorted(finding.edits), key=lambda edit: edit.path)
    return {
        "description": {"text": finding.fix or finding.rule.summary},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(path),
                "replacements": [_replacement(migration, edit) for edit in edits],
            }
            for path, edits in by_file
        ],
    }


def _replacement(migration: Migration, edit: Edit) -> dict[str, Any]:
    file = migration.project.file(edit.path)
    assert file is not None, edit.path
    (line, column), (end_line, end_column) = file.position(edit.start), file.position(edit.end)
    return {
        "deletedRegion": {
            "startLine": line,
            "startColumn": column,
            "endLine": end_line,
            "endColumn": end_column,
        },
        "insertedContent": {"text": edit.text.replace("\n", file.newline)},
    }
