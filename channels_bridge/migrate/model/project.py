"""The files of a project that are looked at, each read at most once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from channels_bridge.migrate.model.listing import list_files
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.source_file import SourceFile

#: In bytes. Nobody writes settings or start commands of this size; generated files are.
LARGEST_FILE = 1024 * 1024

#: What makes a file of Python matter although it cannot be parsed.
_TELLING = (b"INSTALLED_APPS", b"CHANNEL_LAYERS", b"channels", b"DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True)
class Problem:
    """A file that was skipped.

    Attributes:
        path: below the project's root.
        text: why, as a clause.
        matters: whether something of interest may be in it.
    """

    path: str
    text: str
    matters: bool


class Project:
    """A project's directory, as rules see it.

    What git ignores, virtual environments, packages of others, migrations and symbolic links are
    not in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        #: Of all files, below the root, with slashes, in the order of the alphabet.
        self.paths: tuple[str, ...] = list_files(root)
        #: Files that could not be read or parsed, so far.
        self.problems: list[Problem] = []
        self._known = frozenset(self.paths)
        self._files: dict[str, SourceFile | None] = {}

    def files(self, *patterns: str) -> Iterator[SourceFile]:
        """Read the files whose names match one of some globs, such as ``Dockerfile*``.

        A pattern with a slash is compared with the end of the path: ``.github/workflows/*.yml``.
        """
        for path in self.paths:
            if any(_matches(path, pattern) for pattern in patterns):
                if (file := self.file(path)) is not None:
                    yield file

    def file(self, path: str) -> SourceFile | None:
        """Read a file; None if there is none or it cannot be read, which is then remembered."""
        if path not in self._files:
            self._files[path] = self._read(path) if path in self._known else None
        return self._files[path]

    @cached_property
    def python(self) -> tuple[PythonFile, ...]:
        """All files of Python that can be parsed."""
        return tuple(filter(None, map(self._parse, self.files("*.py"))))

    def python_file(self, path: str) -> PythonFile | None:
        """Return one of them by its path."""
        return self._python_by_path.get(path)

    @cached_property
    def _python_by_path(self) -> dict[str, PythonFile]:
        return {module.path: module for module in self.python}

    def _read(self, path: str) -> SourceFile | None:
        place = self.root / path
        try:
            if place.stat().st_size > LARGEST_FILE:
                self.skip(path, "it is larger than 1 MB", matters=_may_matter(path))
                return None
            return SourceFile.decode(path, place.read_bytes())
        except OSError as error:
            self.skip(path, f"it cannot be read: {error.strerror}", matters=_may_matter(path))
        except (ValueError, LookupError) as error:
            self.skip(path, f"it cannot be decoded: {error}", matters=_may_matter(path))
        return None

    def _parse(self, file: SourceFile) -> PythonFile | None:
        try:
            return PythonFile.parse(file)
        except SyntaxError as error:
            version = "{}.{}".format(*sys.version_info)
            text = f"line {error.lineno} cannot be parsed as Python {version}: {error.msg}"
        except ValueError as error:
            text = f"it cannot be parsed: {error}"
        matters = _may_matter(file.path) or any(word in file.data for word in _TELLING)
        self.skip(file.path, text, matters=matters)
        return None

    def skip(self, path: str, text: str, *, matters: bool) -> None:
        """Remember that a file was left out, and why; the report says it."""
        self.problems.append(Problem(path, text, matters))


def _matches(path: str, pattern: str) -> bool:
    if "/" in pattern:
        return fnmatchcase(f"/{path}", f"*/{pattern}")
    return fnmatchcase(path.rpartition("/")[2], pattern)


def _may_matter(path: str) -> bool:
    """Whether a file is one that nothing can be said of a project without, by its name."""
    name = path.rpartition("/")[2]
    return not name.endswith(".py") or name in ("manage.py", "asgi.py") or "settings" in path
