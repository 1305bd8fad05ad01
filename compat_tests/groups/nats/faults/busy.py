"""Every core has something else to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy_cores() -> Iterator[None]:
    """Let a process on each core count, until the end of the block."""
    count = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(count) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
