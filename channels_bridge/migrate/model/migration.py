"""One look at a project: what was found, and the files as they would be afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from channels_bridge.migrate.model.edit import Edit, apply
from channels_bridge.migrate.model.ignore_comments import is_suppressed
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Severity
from channels_bridge.migrate.model.source_file import SourceFile

#: Edits that change the channel layer, and what shows that groups may leave the machine.
LAYER_RULES = ("CB103", "CB104")
LEAVING = ("CB301", "CB302", "CB303", "CB304")

#: Start commands of other servers, for which their packages stay unless they are rewritten.
COMMAND_RULES = ("CB201", "CB202", "CB203", "CB204", "CB205")


@dataclass(frozen=True)
class Changed:
    """A file, and its text as it would be."""

    file: SourceFile
    text: str

    @property
    def data(self) -> bytes:
        """The new bytes: the encoding, the newlines and the byte order mark stay."""
        return self.file.encode(self.text)


@dataclass(frozen=True)
class Migration:
    """What a look at a project has found.

    Attributes:
        project: with the files that were read, and those that could not be.
        findings: by path and place.
    """

    project: Project
    findings: tuple[Finding, ...]

    def changes(self) -> list[Changed]:
        """Return all files that the findings' edits change."""
        by_path: Mapping[str, list[Edit]] = defaultdict(list)
        for finding in self.findings:
            for edit in finding.edits:
                by_path[edit.path].append(edit)
        return [self._changed(path, edits) for path, edits in sorted(by_path.items())]

    @property
    def remaining(self) -> list[Finding]:
        """Those that no edit ends, advice left out."""
        return [f for f in self.findings if not f.edits and f.severity is not Severity.ADVICE]

    @property
    def unread(self) -> bool:
        """Whether a file that matters could not be read."""
        return any(problem.matters for problem in self.project.problems)

    def _changed(self, path: str, edits: Sequence[Edit]) -> Changed:
        file = self.project.file(path)
        assert file is not None, path
        adapted = [replace(edit, text=edit.text.replace("\n", file.newline)) for edit in edits]
        text = apply(file.text, adapted)
        if path.endswith(".py"):
            PythonFile.parse(replace(file, text=text))  # nothing is written that cannot be parsed
        return Changed(file, text)


def look(project: Project, options: MigrateOptions, finders: Sequence[Finder]) -> Migration:
    """Have all finders look at a project."""
    found = [finding for finder in finders for finding in finder.find(project, options)]
    if options.layer == "auto" and any(finding.rule.id in LEAVING for finding in found):
        found = [_without_edits(f) if f.rule.id in LAYER_RULES else f for f in found]
    if any(f.rule.id in COMMAND_RULES and not f.edits for f in found):
        found = [_without_edits(f) if f.rule.id == "CB601" else f for f in found]
    wanted = [f for f in found if options.wants(f.rule.id) and not is_suppressed(project, f)]
    return Migration(project, tuple(sorted(wanted, key=_place)))


def _without_edits(finding: Finding) -> Finding:
    return replace(finding, edits=())


def _place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column, finding.rule.id
