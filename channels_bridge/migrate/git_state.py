"""Files with uncommitted changes, which git could not bring back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path


def uncommitted(root: Path, changed: Iterable[str]) -> list[str] | None:
    """Return what could not be had back from git; None outside of a repository, or without git.

    That is all that is tracked and was changed, and those files of ``changed`` that git does not
    know.
    """
    git = shutil.which("git")
    if git is None:
        return None
    # A project's own configuration may name programs that git is to run; and its hooks are some,
    # where git writes its index anew.
    safe = [git, "--no-optional-locks", "-c", "core.fsmonitor=false"]
    command = [*safe, "status", "--porcelain", "-z", "--no-renames"]
    done = subprocess.run([*command, "-uall", "--", "."], cwd=root, capture_output=True)
    if done.returncode:
        return None
    top = _top(git, root)
    entries = [os.fsdecode(entry) for entry in done.stdout.split(b"\0") if entry]
    ours = {str((root / path).relative_to(top)) for path in changed}
    return [e[3:] for e in entries if not e.startswith("??") or e[3:] in ours]


def _top(git: str, root: Path) -> Path:
    command = [git, "rev-parse", "--show-toplevel"]
    return Path(os.fsdecode(subprocess.check_output(command, cwd=root)).rstrip("\n"))
