"""The command measures suppression."""

from __future__ import annotations

import re
import subprocess
import sys

from compat_tests.bench.suppression import Setting


def test_rooms_are_alike_in_all_processes():
    """All processes agree on who is where, and nobody is left out."""
    rooms = Setting(workers=4, members=1000, size=5, suppresses=True).rooms
    assert rooms == Setting(workers=4, members=1000, size=5, suppresses=False).rooms
    assert sum(map(len, rooms)) == 1000
    assert {worker for room in rooms for worker in room} == set(range(4))


def test_the_command_compares():
    """It prints a line with the figure for each setting."""
    command = [sys.executable, "-m", "compat_tests.bench.suppression", "5", "--workers", "1"]
    options = ["--members", "20", "--rounds", "1", "--seconds", "0.5"]
    ran = subprocess.run(command + options, check=True, capture_output=True, text=True)
    assert ran.stderr == ""
    ways = [
        re.fullmatch(r"1 workers, rooms of 5, (.*): \d+ us of CPU for a message \(.*\)", line)
        for line in ran.stdout.splitlines()
    ]
    assert [way and way[1] for way in ways] == ["as it is", "without suppression"]
