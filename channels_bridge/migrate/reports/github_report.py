"""The report as workflow commands, which GitHub Actions shows beside the lines."""

from __future__ import annotations

from channels_bridge.migrate.model.migration import Migration
from channels_bridge.migrate.model.project import Problem
from channels_bridge.migrate.model.rule import Finding, Severity

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "notice"}


def report(migration: Migration) -> str:
    """Return a line for each finding and each file that was skipped."""
    lines = [_finding(finding) for finding in migration.findings]
    return "\n".join([*lines, *map(_problem, migration.project.problems)])


def _finding(finding: Finding) -> str:
    place = f"file={_property(finding.path)},line={finding.line},col={finding.column}"
    text = f"{finding.message} {finding.fix}".strip()
    command = COMMANDS[finding.severity]
    return f"::{command} {place},title={finding.rule.id}::{_data(text)}"


def _problem(problem: Problem) -> str:
    command = "error" if problem.matters else "notice"
    return f"::{command} file={_property(problem.path)}::{_data(f'Skipped: {problem.text}')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
