"""Environment variables for gRPC, set before it is imported unless users have set them.

It reads them when it is imported and when it is first used, both of which happens below this
package. They count for all of a process: for a project's other uses of gRPC, too.
"""

from __future__ import annotations

import os
from importlib import metadata

#: The releases whose Python uses gRPC's newer I/O engine (https://github.com/grpc/grpc/pull/41432)
#: and still has the one before: the first, and the last that is known. It hands everything that is
#: read and written to threads of its own. The one before works in the thread that waits, and takes
#: half of the CPU time where one message follows the other.
BOTH_ENGINES = ((1, 80), (1, 85))

#: The names of the newer one. A release that doesn't know them says so on stderr, so a release that
#: isn't known yet keeps what it has: test_environment.py fails for one that could be added here.
NEWER_ENGINE = ("event_engine_client", "event_engine_listener")


def prepare() -> None:
    """Set them. To be called before gRPC is imported."""
    # A line for each stranger's handshake would let strangers fill the disk.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # gRPC's own support for forking can't work while a stream is open, but prints a line at each
    # fork to say so; see ``fork_stream`` for ours.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    if "GRPC_EXPERIMENTS" not in os.environ and has_both_engines():
        os.environ["GRPC_EXPERIMENTS"] = ",".join(f"-{name}" for name in NEWER_ENGINE)


def has_both_engines() -> bool:
    """Whether the installed release of gRPC can be told which engine to use."""
    try:
        major, minor, *_ = (metadata.version("grpcio") or "").split(".")
        release = (int(major), int(minor))
    except (metadata.PackageNotFoundError, ValueError):  # built by others, in a way of their own
        return False
    first, last = BOTH_ENGINES
    return first <= release <= last
