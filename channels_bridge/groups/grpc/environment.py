"""What gRPC is told by environment variables. What users have set themselves stays as it is.

It reads them when it is imported and when it is first used, both of which happens below this
package. They count for all of a process: for a project's other uses of gRPC, too.
"""

from __future__ import annotations

import importlib.util
import mmap
import os
from pathlib import Path

__all__ = ["prepare"]

# gRPC's newer I/O engine, which Python uses since 1.80 (https://github.com/grpc/grpc/pull/41432),
# hands everything that is read and written to threads of its own. The one before it works in the
# thread that waits for it, and takes half of the CPU time where one message follows the other.
NEWER_ENGINE = ("event_engine_client", "event_engine_listener")


def prepare() -> None:
    """Set them. To be called before gRPC is imported."""
    # A line for each stranger's handshake would let strangers fill the disk.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # gRPC's own support for forking can't work while a stream is open, but prints a line at each
    # fork to say so; see ``relayed`` for ours.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    if "GRPC_EXPERIMENTS" not in os.environ and _has_both_engines():
        os.environ["GRPC_EXPERIMENTS"] = ",".join(f"-{name}" for name in NEWER_ENGINE)


def _has_both_engines() -> bool:
    """Whether this release of gRPC knows those names. It complains on stderr of any other."""
    grpc = importlib.util.find_spec("grpc")
    places = grpc.submodule_search_locations or [] if grpc is not None else []
    libraries = [path for place in places for path in Path(place, "_cython").glob("cygrpc.*.*")]
    return any(map(_names_newer_engine, libraries))


def _names_newer_engine(library: Path) -> bool:
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as code:
        # From the end, as names are stored after the instructions: a tenth of the time.
        return all(code.rfind(name.encode()) >= 0 for name in NEWER_ENGINE)
