"""The files that are read for command lines, each with its reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places import yaml_file
from channels_bridge.migrate.places.dockerfile import in_dockerfile
from channels_bridge.migrate.places.ini_file import in_supervisor, in_unit
from channels_bridge.migrate.places.place import Place
from channels_bridge.migrate.places.prose import in_prose
from channels_bridge.migrate.places.shell_file import (
    in_makefile,
    in_procfile,
    in_shell_script,
    is_script,
)
from channels_bridge.migrate.places.toml_file import in_toml

Reader = Callable[[SourceFile], Iterator[Place]]

#: What a template has and a file of its kind has not.
TEMPLATE = re.compile(r"\{\{|\{%|<%")

#: By the end of a path; the first that matches counts.
READERS: tuple[tuple[str, Reader], ...] = (
    (".github/*", in_prose),
    ("docs/*.yml", in_prose),
    ("*.md", in_prose),
    ("*.rst", in_prose),
    ("*.bat", in_prose),
    ("*.cmd", in_prose),
    ("*.ps1", in_prose),
    ("Procfile*", in_procfile),
    ("Dockerfile*", in_dockerfile),
    ("*.Dockerfile", in_dockerfile),
    ("*.dockerfile", in_dockerfile),
    ("Containerfile*", in_dockerfile),
    ("*.service", in_unit),
    ("*.ini", in_supervisor),
    ("*.conf", in_supervisor),
    ("*conf.d", in_supervisor),
    ("Makefile*", in_makefile),
    ("*.mk", in_makefile),
    ("*.sh", in_shell_script),
    ("*.bash", in_shell_script),
    ("*.yml", yaml_file.in_yaml),
    ("*.yaml", yaml_file.in_yaml),
    ("*task*.json", yaml_file.in_yaml),
    ("app.json", yaml_file.in_yaml),
    ("railway.json", yaml_file.in_yaml),
    ("package.json", yaml_file.in_yaml),
    ("devcontainer.json", yaml_file.in_yaml),
    ("Dockerrun*.json", yaml_file.in_yaml),
    ("*.toml", in_toml),
)

#: Of files that are not read for lack of a package, the ones that such a command line may be in.
_SERVER = re.compile(r"\b(?:daphne|uvicorn|gunicorn|hypercorn|granian|websockets_server)\b")


def mentions_server(file: SourceFile) -> bool:
    """Whether a file is worth reading: nothing else is said of it by that."""
    return _SERVER.search(file.text) is not None


def reader_of(file: SourceFile) -> Reader | None:
    """Return what reads a file; None for one that has no command lines."""
    if reader := _by_name(file.path):
        return reader
    return in_shell_script if "." not in file.name and is_script(file) else None


def _by_name(path: str) -> Reader | None:
    name = path.rpartition("/")[2]
    for pattern, reader in READERS:
        if (
            fnmatchcase(f"/{path}", f"*/{pattern}")
            if "/" in pattern
            else fnmatchcase(name, pattern)
        ):
            return reader
    return None


def places_in(file: SourceFile) -> list[Place]:
    """Return the command lines of a file.

    Raises:
        CannotRead: it is broken, or needs a package that is missing; the text is a clause.
    """
    reader = reader_of(file)
    if reader is None:
        return []
    if reader is not yaml_file.in_yaml:
        return list(reader(file))
    try:
        if not yaml_file.can_read:
            raise yaml_file.CannotRead(yaml_file.MISSING)
        return list(reader(file))
    except yaml_file.CannotRead:
        if not TEMPLATE.search(file.text):
            raise
        return [replace(place, advice="the file is a template") for place in in_prose(file)]


def candidates(project: Project) -> Iterator[SourceFile]:
    """Yield the files that may start a server, by their names and a word in them."""
    for path in project.paths:
        if (_by_name(path) and not _is_generated(path)) or _begins_as_script(project, path):
            file = project.file(path)
            if file is not None and reader_of(file) is not None and mentions_server(file):
                yield file


def _is_generated(path: str) -> bool:
    """Whether it is a lock file, which may be large, and starts nothing."""
    return "lock" in path.rpartition("/")[2]


def _begins_as_script(project: Project, path: str) -> bool:
    """Whether a file without a suffix has a first line that says what runs it."""
    if "." in path.rpartition("/")[2]:
        return False
    try:
        with (project.root / path).open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False
