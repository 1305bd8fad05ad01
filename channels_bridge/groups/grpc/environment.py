"""Environment variables for gRPC, set before it is imported unless users have set them.

It reads them when it is imported and when it is first used, both of which happens below this
package. They count for all of a process: for a project's other uses of gRPC, too.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

#: The releases whose Python uses gRPC's newer I/O engine (https://github.com/grpc/grpc/pull/41432)
#: and still has the one before: the first, and the last that is known. It hands everything that is
#: read and written to threads of its own. The one before works in the thread that waits, and takes
#: half of the CPU time where one message follows the other.
BOTH_ENGINES = ((1, 80), (1, 85))

#: The names of the newer one. A release that doesn't know them says so on stderr, so a release that
#: isn't known yet keeps what it has: test_environment.py fails for one that could be added here.
NEWER_ENGINE = ("event_engine_client", "event_engine_listener")

#: What pip and others leave beside a package (PEP 376).
DIST_INFO = "grpcio-*.dist-info"


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
        major, minor, *_ = installed_release().split(".")
        release = (int(major), int(minor))
    except ValueError:  # built by others, in a way of their own
        return False
    first, last = BOTH_ENGINES
    return first <= release <= last


def installed_release() -> str:
    """Return the release of gRPC that is imported, by the folder that its installer has left.

    That is beside gRPC's own, and has the release in its name. Empty if it isn't known.
    """
    spec = find_spec("grpc")
    places = spec.submodule_search_locations if spec is not None else None
    folders = [each for place in places or () for each in Path(place).parent.glob(DIST_INFO)]
    if len(folders) == 1:
        return folders[0].name.removeprefix("grpcio-").removesuffix(".dist-info")
    # Not in any case: it takes as much memory as a hub's own modules.
    from importlib import metadata

    try:
        return metadata.version("grpcio") or ""
    except metadata.PackageNotFoundError:
        return ""
