"""The command says how steady the machine is."""

from __future__ import annotations

import subprocess
import sys
import time

from compat_tests.bench import stalls


def test_a_stall_is_seen(monkeypatch):
    """What passes between two looks at the clock is a stall, unless it is short."""
    looks = iter([0.0, 0.0001, 0.0101, 0.0102, 1.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(looks))
    found = stalls.watch(0.5)
    assert [round(gap, 4) for gap in found] == [0.01, 0.9898]
    assert stalls.summary(found, 4) == (
        "2 stalls of 0.5 ms and more: 25.00% of the time, the longest 989.8 ms"
    )


def test_the_command_sums_up_all_cores():
    """It prints one line, however many they are."""
    command = [sys.executable, "-m", "compat_tests.bench.stalls", "0.1"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (line,) = printed.splitlines()
    assert "of the time, the longest" in line
