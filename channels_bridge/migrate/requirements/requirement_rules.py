"""CB601 and CB602: packages that a project needs, and releases that are too old."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.python.app_rules import APP_FINDER
from channels_bridge.migrate.python.layer_rules import LAYER_FINDER
from channels_bridge.migrate.python.settings_modules import assignments
from channels_bridge.migrate.requirements.requirement import Requirement, Version
from channels_bridge.migrate.requirements.requirement_files import lock_commands, requirements

#: What may no longer be needed: the package's name, and its module's.
REPLACED = {"daphne": "daphne", "channels-redis": "channels_redis"}

OURS = "channels-bridge"

#: The oldest releases that this package works with.
OLDEST: dict[str, Version] = {"python": (3, 10), "django": (5, 2), "channels": (4, 2)}

_PYTHON_FILES = {
    ".python-version": re.compile(r"^\s*(?P<version>3\.\d+)", re.MULTILINE),
    "runtime.txt": re.compile(r"^\s*python-(?P<version>3\.\d+)", re.MULTILINE),
}
_IMAGE = re.compile(r"^FROM\s+(\S+/)?python:(?P<version>[23]\.\d+)", re.MULTILINE | re.IGNORECASE)

CB601 = Rule(
    "CB601",
    Severity.ADVICE,
    "requirements have Daphne or channels_redis, and not channels-bridge",
    "Add channels-bridge[standard], whose extra brings pages on the same port. --requirement LINE "
    "adds a line to requirements files. Daphne and channels_redis may stay while you may want to "
    "go back; --remove takes them out of requirements files if nothing uses them any more.",
    "README.md#step-by-step",
)
CB602 = Rule(
    "CB602",
    Severity.ERROR,
    "Python, Django or Channels is too old",
    "This package needs Python 3.10, Django 5.2 and Channels 4.2, or later.",
    "before.md#what-you-need",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at all files with requirements."""
    found = list(requirements(project))
    for requirement in found:
        yield from _find_old(requirement)
    yield from _find_python(project)
    ours = {one.file.path for one in found if one.name == OURS or _is_added(one.file, options)}
    unused = _unused(project, options) if options.remove else set()
    adding: set[str] = set()
    for requirement in found:
        if requirement.name in REPLACED or "daphne" in requirement.extras:
            yield _replaced(project, requirement, options, unused, ours | adding)
            adding.add(requirement.file.path)


def _replaced(
    project: Project,
    requirement: Requirement,
    options: MigrateOptions,
    unused: set[str],
    served: set[str],
) -> Finding:
    """Find a package that may go; ``served`` are files that have ours, or will."""
    file, is_served = requirement.file, requirement.file.path in served
    name = requirement.name if requirement.name in REPLACED else f"{requirement.name}[daphne]"
    message, fix = f"{name} is required.", ""
    if not is_served:
        commands = "".join(f", then run {command}" for command in lock_commands(project))
        message = f"{name} is required, channels-bridge[standard] is not."
        fix = f"Add channels-bridge[standard]{commands}. {name} may stay."
    edits = tuple(_edits(requirement, options, unused, is_served=is_served))
    return CB601.at(file, requirement.offset, message, fix=fix, edits=edits)


def _edits(
    requirement: Requirement, options: MigrateOptions, unused: set[str], *, is_served: bool
) -> Iterator[Edit]:
    """Yield the line that is to be added, and the removal of one that isn't needed any more."""
    file = requirement.file
    if requirement.line and options.requirement and not is_served:
        start = file.line_starts[file.position(requirement.offset)[0] - 1]
        yield Edit(file.path, start, start, f"{options.requirement}\n")
    if requirement.line and requirement.name in unused:
        yield _line(file, requirement.offset)


def _is_added(file: SourceFile, options: MigrateOptions) -> bool:
    """Whether a file has the line that is to be added."""
    return options.requirement is not None and options.requirement in file.text.splitlines()


def _line(file: SourceFile, offset: int) -> Edit:
    """Return the removal of a line."""
    number = file.position(offset)[0]
    start = file.line_starts[number - 1]
    return Edit(file.path, start, start + len(file.line(number)), "")


def _unused(project: Project, options: MigrateOptions) -> set[str]:
    """Return the packages that nothing uses once all edits are made."""
    unedited = [
        finding
        for finder in (APP_FINDER, LAYER_FINDER)
        for finding in finder.find(project, options)
        if not finding.edits
    ]
    left = {finding.rule.id for finding in unedited}
    rules = {"daphne": "CB102", "channels-redis": "CB103"}
    return {
        package
        for package, module in REPLACED.items()
        if rules[package] not in left and not any(_uses(one, module) for one in project.python)
    }


def _uses(module: PythonFile, package: str) -> bool:
    """Whether a file imports a package, or names a class of it outside of settings."""
    for node in module.nodes:
        match node:
            case ast.Import() | ast.ImportFrom():
                if any(name.partition(".")[0] == package for name in module.imported(node)):
                    return True
            case ast.Constant(value=str(name)) if name.startswith(f"{package}."):
                if assignments(module, "CHANNEL_LAYERS"):
                    continue
                return True
    return False


def _find_old(requirement: Requirement) -> Iterator[Finding]:
    name = (
        "python" if requirement.name in ("python-version", "requires-python") else requirement.name
    )
    oldest = OLDEST.get(name)
    if oldest is not None and requirement.excludes(oldest):
        yield _old(requirement.file, requirement.offset, name, requirement.bounds)


def _find_python(project: Project) -> Iterator[Finding]:
    for name, pattern in (*_PYTHON_FILES.items(), ("*Dockerfile*", _IMAGE)):
        for file in project.files(name):
            for match in pattern.finditer(file.text):
                version = tuple(int(part) for part in match["version"].split("."))
                if version < OLDEST["python"]:
                    yield _old(file, match.start("version"), "python", match["version"])


def _old(file: SourceFile, offset: int, name: str, bounds: str) -> Finding:
    oldest = ".".join(map(str, OLDEST[name]))
    return CB602.at(
        file,
        offset,
        f"{name.capitalize()} is {bounds}; this package needs {oldest} or later.",
        fix=f"Move to {name.capitalize()} {oldest} or later first.",
    )


REQUIREMENT_FINDER = Finder((CB601, CB602), find)
