"""The limit of open files (``RLIMIT_NOFILE``), of which a connection is one: raised at the start.

systemd and many shells start programs with a soft limit of 1024, as ``select()`` can't take more,
and leave it to them to raise it up to the hard one.
"""

from __future__ import annotations

import resource
from typing import NamedTuple

#: What it is not raised beyond: more than a process can serve, and where the hard limit is a
#: billion, as in some containers, programs that go through all numbers would take minutes.
CAP = 2**20


class OpenFiles(NamedTuple):
    """The limit for this process, and for those that it starts.

    Attributes:
        limit: as it is now.
        before: as it was.
    """

    limit: int
    before: int


def raise_limit() -> OpenFiles:
    """Raise the soft limit to the hard one; what the system refuses stays as it was."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before == resource.RLIM_INFINITY:
        return OpenFiles(before, before)
    wanted = CAP if hard == resource.RLIM_INFINITY else min(hard, CAP)
    if wanted <= before:
        return OpenFiles(before, before)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS has a limit beside the hard one
        return OpenFiles(before, before)
    return OpenFiles(wanted, before)


def is_enough(limit: int, wanted: int) -> bool:
    """Whether a process may open so many files."""
    return limit == resource.RLIM_INFINITY or limit >= wanted


def describe(files: OpenFiles) -> str:
    """Say how many files a process may open, for the banner."""
    if files.limit == resource.RLIM_INFINITY:
        return "any number of open files"
    raised = f" (raised from {files.before})" if files.limit > files.before else ""
    return f"up to {files.limit} open files in each process{raised}"
