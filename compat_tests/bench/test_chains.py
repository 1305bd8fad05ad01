"""The measurement of what is remembered of other processes works."""

from __future__ import annotations

import re
import subprocess
import sys


def test_chains() -> None:
    """Both figures are printed, and are no more than a few KiB."""
    # In a process of its own: in one that has run tests, what is free may hold it all.
    command = [sys.executable, "-m", "compat_tests.bench.chains", "--groups=2000", "--senders=3"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    heard, spoken = map(int, re.findall(r": (\d+) bytes", done.stdout))
    assert 0 < heard < 8192
    assert 0 < spoken < 8192
