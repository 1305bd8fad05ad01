"""Lists a project's own files: those that git has, without what others wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Directories that hold others' code, or what was made of the project's.
OTHERS = frozenset(
    "node_modules bower_components site-packages vendor vendored _vendor third_party "
    "venv .venv virtualenv .tox .nox .git .hg .svn __pycache__ .mypy_cache .eggs migrations".split()
)

#: What says that a directory is a virtual environment, whatever it is called.
_ENVIRONMENT = "pyvenv.cfg"


def list_files(root: Path) -> tuple[str, ...]:
    """Return the paths of the project's own files, with slashes, sorted.

    Symbolic links are not followed: what they lead to is in the project anyway, or not its own.
    """
    listed = _listed_by_git(root)
    found = _walk(root) if listed is None else _existing(root, listed)
    return tuple(sorted(found))


def _listed_by_git(root: Path) -> list[str] | None:
    """Return what git knows or would add; None outside of a repository, or without git."""
    git = shutil.which("git")
    if git is None:
        return None
    # A project's own configuration may name programs that git is to run.
    command = [
        git,
        "-c",
        "core.fsmonitor=false",
        "ls-files",
        "-z",
        "-c",
        "-o",
        "--exclude-standard",
    ]
    done = subprocess.run(command, cwd=root, capture_output=True)
    if done.returncode:
        return None
    return [os.fsdecode(path) for path in done.stdout.split(b"\0") if path]


def _existing(root: Path, paths: Iterable[str]) -> Iterator[str]:
    """Leave out what others wrote, what is behind a link, submodules and what was deleted."""
    links: dict[str, bool] = {}
    for path in dict.fromkeys(paths):
        folders = path.split("/")[:-1]
        if OTHERS.isdisjoint(folders) and not _behind_link(root, folders, links):
            place = root / path
            if place.is_file() and not place.is_symlink():
                yield path


def _behind_link(root: Path, folders: list[str], known: dict[str, bool]) -> bool:
    """Whether one of the folders is a link or a virtual environment; ``known`` is kept."""
    for length in range(1, len(folders) + 1):
        folder = "/".join(folders[:length])
        if folder not in known:
            place = root / folder
            known[folder] = place.is_symlink() or (place / _ENVIRONMENT).exists()
        if known[folder]:
            return True
    return False


def _walk(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        place = Path(folder)
        names[:] = [n for n in names if n not in OTHERS and not (place / n / _ENVIRONMENT).exists()]
        for name in files:
            if not (place / name).is_symlink() and (place / name).is_file():
                yield (place / name).relative_to(root).as_posix()
