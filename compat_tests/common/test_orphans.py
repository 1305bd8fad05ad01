"""Processes whose parent has ended, in a program that is their process 1."""

from __future__ import annotations

import sys

import pytest

from compat_tests.servers import REPOSITORY, run_python

#: Inherits a process whose parent ends at once, as process 1 does, while a child of its own has
#: ended that it has not waited for yet.
PROGRAM = """
import asyncio, ctypes, os, subprocess, sys
from channels_bridge.common.orphans import Reaper

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0

async def main():
    ours = set()
    reaper = Reaper(lambda: ours)
    reaper.start()
    child = subprocess.Popen(["sh", "-c", "exit 7"])
    ours.add(child.pid)
    reader, writer = os.pipe()
    shell = subprocess.Popen(["sh", "-c", "exec 3<&0; cat <&3 >/dev/null & echo $!"],
        stdin=reader, stdout=subprocess.PIPE, text=True)
    ours.add(shell.pid)
    orphan = int(await asyncio.to_thread(shell.stdout.readline))
    await asyncio.to_thread(shell.wait)
    assert os.path.exists(f"/proc/{orphan}")
    os.close(writer)
    await asyncio.sleep(0)
    print(await asyncio.to_thread(child.wait))
    while os.path.exists(f"/proc/{orphan}"):
        await asyncio.sleep(0.01)
    reaper.stop()
    print("reaped")

asyncio.run(asyncio.wait_for(main(), 20))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl() is Linux's")
def test_orphans_are_reaped():
    """An orphan is reaped when it ends, and a child of the program's own is left to it."""
    assert run_python(REPOSITORY, "-c", PROGRAM).stdout == "7\nreaped\n"
