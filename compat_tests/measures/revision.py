"""Files of another revision of the project, in a temporary directory."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UnknownRevision(Exception):
    """Git has no such revision; its own words are the message."""


@contextmanager
def revision_files(root: Path, revision: str) -> Iterator[Path]:
    """Unpack what git has for a revision; the checkout and the list of worktrees stay as they are.

    Raises:
        UnknownRevision: Git does not know the revision, or ``root`` is not a repository.
    """
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory, "revision.zip")
        git(root, "archive", "--format=zip", f"--output={archive}", revision)
        shutil.unpack_archive(archive, files := Path(directory, "files"))
        yield files


def git(root: Path, *arguments: str) -> str:
    """Run git on a repository; return what it prints.

    Raises:
        UnknownRevision: Git refuses.
    """
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise UnknownRevision(done.stderr.strip())
    return done.stdout.strip()
