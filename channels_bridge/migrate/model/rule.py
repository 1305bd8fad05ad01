"""Rules, findings of them, and the finders that look for these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.source_file import SourceFile


class Severity(Enum):
    """How much a finding matters; its value is the letter that reports show."""

    #: It raises, or loses messages, with the configuration that is written.
    ERROR = "E"
    #: Something behaves otherwise than before, or may.
    WARNING = "W"
    #: It works; something could be simpler, or should be known.
    ADVICE = "I"


@dataclass(frozen=True)
class Rule:
    """What is looked for.

    Attributes:
        id: ``CB`` and three digits.
        severity: of its findings, unless one says otherwise.
        summary: one line, for ``--list-rules``.
        explanation: why it matters and what to do, for ``--explain``; it may have paragraphs.
        guide: a page of the guide, with an anchor, such as ``differences.md#the-layer``.
    """

    id: str
    severity: Severity
    summary: str
    explanation: str
    guide: str

    def at(
        self,
        file: SourceFile,
        offset: int,
        message: str,
        *,
        fix: str = "",
        edits: tuple[Edit, ...] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """Return a finding of this rule, at a character of a file's text.

        In a file that no diff can be made of, nothing is edited.
        """
        line, column = file.position(offset)
        severity = severity or self.severity
        edits = edits if file.can_be_patched else ()
        return Finding(self, severity, file.path, line, column, message, fix, edits)


@dataclass(frozen=True)
class Finding:
    """One place where a rule applies.

    Attributes:
        rule: which one.
        severity: how much it matters here.
        path: of the file, as in ``SourceFile.path``.
        line: counted from 1.
        column: counted from 1, in characters.
        message: what is there, as a sentence that names what it has seen.
        fix: what to do, as a sentence or as lines to copy; empty where nothing is to be done.
        edits: what does it, in this file or others; only where the meaning is certain, as they
            are written without anybody asked.
    """

    rule: Rule
    severity: Severity
    path: str
    line: int
    column: int
    message: str
    fix: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Finder:
    """What looks for findings of some rules.

    Attributes:
        rules: all that it may yield findings of.
        find: looks through a project. It may read files by the project only, imports nothing of
            it and runs nothing.
    """

    rules: tuple[Rule, ...]
    find: Callable[[Project, MigrateOptions], Iterator[Finding]]
