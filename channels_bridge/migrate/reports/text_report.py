"""The report for people: findings by file, the diff, and what is left to do, in numbers."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from channels_bridge.migrate.model.migration import Changed, Migration
from channels_bridge.migrate.model.project import Problem
from channels_bridge.migrate.model.rule import Finding, Rule, Severity
from channels_bridge.migrate.reports.file_diff import diff
from channels_bridge.migrate.reports.guide_links import link

WIDTH = 100


def report(migration: Migration, *, with_diff: bool, written: int | None = None) -> str:
    """Return the whole report of a look at a project.

    Args:
        with_diff: whether the changes are shown.
        written: how many files were changed; None if nothing is written.
    """
    changes = migration.changes()
    mark = "(--write)" if written is None else "(done)"
    parts = [findings(migration.findings, mark), problems(migration.project.problems)]
    if with_diff:
        parts.append(_diff(changes))
    parts += [to_do(migration.findings), _summary(migration, len(changes), written)]
    return "\n".join(part for part in parts if part)


def findings(found: Iterable[Finding], mark: str) -> str:
    """Return all findings by file; one line for all of a rule, with a count."""
    lines: list[str] = []
    for path, of_file in groupby(found, key=lambda finding: finding.path):
        lines.append(path)
        for alike in _by_rule(of_file):
            lines += _finding(alike, mark)
        lines.append("")
    return "\n".join(lines)


def _by_rule(found: Iterable[Finding]) -> list[list[Finding]]:
    """Put those of one rule with the same severity and the same fate together."""
    groups: dict[tuple[str, Severity, bool], list[Finding]] = {}
    for finding in found:
        key = finding.rule.id, finding.severity, bool(finding.edits)
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def _finding(alike: list[Finding], mark: str) -> Iterator[str]:
    first, *others = alike
    place = f"{first.line}:{first.column}"
    head = f"  {place:>7} {first.severity.value} {first.rule.id} "
    head += f"{mark} " if first.edits else ""
    yield textwrap.fill(first.message, WIDTH, initial_indent=head, subsequent_indent=" " * 12)
    if others:
        lines = ", ".join(str(other.line) for other in others)
        text = f"and {len(others)} more, in line{'s' if len(others) > 1 else ''} {lines}"
        yield textwrap.fill(text, WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12)


def problems(skipped: Iterable[Problem]) -> str:
    """Return which files were left out, and why."""
    lines = [f"  {problem.path}: {problem.text}" for problem in sorted(skipped, key=_path)]
    return "\n".join(["Skipped", *lines, ""]) if lines else ""


def _path(problem: Problem) -> str:
    return problem.path


def _diff(changes: list[Changed]) -> str:
    return diff(changes).decode("utf-8", "replace") if changes else ""


def to_do(found: Iterable[Finding]) -> str:
    """Return a numbered list of what no edit does, by rule, with links; advice comes last."""
    by_rule: dict[Rule, list[Finding]] = {}
    for finding in found:
        if not finding.edits and finding.fix:
            by_rule.setdefault(finding.rule, []).append(finding)
    order = sorted(by_rule.items(), key=lambda item: (_weight(item[1]), item[0].id))
    lines = [line for number, item in enumerate(order, 1) for line in _task(number, *item)]
    return "\n".join(["To do", *lines, ""]) if lines else ""


def _weight(found: list[Finding]) -> int:
    return min("EWI".index(finding.severity.value) for finding in found)


def _task(number: int, rule: Rule, found: list[Finding]) -> Iterator[str]:
    yield f"{number:>3}. {rule.id} {rule.summary}"
    for fix in dict.fromkeys(finding.fix for finding in found):
        places = [f"{f.path}:{f.line}" for f in found if f.fix == fix]
        yield textwrap.fill(_few(places), WIDTH, initial_indent=" " * 5, subsequent_indent=" " * 5)
        yield textwrap.indent(_wrapped(fix), " " * 7)
    yield f"       See {link(rule)}"


def _few(places: list[str]) -> str:
    shown = ", ".join(places[:5])
    return f"{shown} and {len(places) - 5} more" if len(places) > 5 else shown


def _wrapped(text: str) -> str:
    """Wrap a sentence; leave lines that are to be copied."""
    return text if "\n" in text else textwrap.fill(text, WIDTH - 7)


def _summary(migration: Migration, changes: int, written: int | None) -> str:
    if not migration.findings:
        return "Nothing to do."
    counts = Counter(finding.severity for finding in migration.findings)
    found = ", ".join(_counted(counts[one], one.name) for one in Severity if counts[one])
    if written is not None:
        was = "was" if written == 1 else "were"
        return f"Found: {found}. {_counted(written, 'file')} {was} changed."
    return f"Found: {found}." + (
        f" --write changes {_counted(changes, 'file')}." if changes else ""
    )


def _counted(number: int, word: str) -> str:
    """Return a number with its word; there is no plural of advice."""
    plural = "s" if number != 1 and word != "ADVICE" else ""
    return f"{number} {word.lower()}{plural}"
