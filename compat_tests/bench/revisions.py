"""Checkouts: this tree, and one of another revision that is served by the same benchmark."""

from __future__ import annotations

import compileall
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from channels_bridge.bench.stacks.servers import OURS
from channels_bridge.bench.stacks.stack import STACKS, Stack
from compat_tests.measures.revision import UnknownRevision, git, revision_files

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = "channels_bridge"
#: The application, its settings and the processes that send come from this tree for both sides.
BENCH = f"{PACKAGE}/bench"
#: Between a stack's name and the revision that it is served from.
AT = " at "


def commit(revision: str, repository: Path = REPOSITORY) -> str:
    """The short hash of a revision's commit.

    Raises:
        UnknownRevision: git finds none.
    """
    try:
        return git(repository, "rev-parse", "--short", f"{revision}^{{commit}}")
    except UnknownRevision as error:
        raise UnknownRevision(f"{revision}: {error}") from None


def state(repository: Path = REPOSITORY) -> str:
    """What this tree is: the short hash of its commit, with "-dirty" where files were changed."""
    return git(repository, "describe", "--always", "--exclude=*", "--dirty")


@contextmanager
def checkout(commit: str, repository: Path = REPOSITORY) -> Iterator[Path]:
    """The files of a commit, but with this tree's benchmark, until the end of the block."""
    with revision_files(repository, commit) as directory:
        shutil.rmtree(directory / BENCH, ignore_errors=True)
        shutil.copytree(
            REPOSITORY / BENCH, directory / BENCH, ignore=shutil.ignore_patterns("__pycache__")
        )
        # Or the first process would compile it all, and keep the memory that this takes.
        compileall.compile_dir(directory / PACKAGE, quiet=1)
        yield directory


def stacks(commit: str, directory: Path) -> Mapping[str, Stack]:
    """Each stack of ours twice: from this tree, and from the checkout of a commit, by its name."""
    ours = [stack for stack in STACKS.values() if stack.server in OURS]
    both = [
        *(_at(stack, "", REPOSITORY) for stack in ours),
        *(_at(stack, f"{AT}{commit}", directory) for stack in ours),
    ]
    return {stack.name: stack for stack in both}


def _at(stack: Stack, suffix: str, directory: Path) -> Stack:
    """A stack whose modules are found in a directory, by each of its processes."""
    server = stack.server
    path = os.pathsep.join(filter(None, (str(directory), os.environ.get("PYTHONPATH"))))
    moved = replace(
        server,
        directory=directory,
        environment={**server.environment, "PYTHONPATH": path},
    )
    return replace(stack, server=moved, suffix=suffix)
