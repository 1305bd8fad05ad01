"""Programs that a process starts, or becomes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BECOMING = """
import os
def refuse(name):
    raise PermissionError(1, "Operation not permitted")
{change}
from channels_bridge.common.child_program import become
become("builtins:print", os.getpid(), "became it")
"""


@pytest.mark.parametrize("change", ["del os.memfd_create", "os.memfd_create = refuse", ""])
def test_become(change: str):
    """It needs no file in memory: not each build of Python has them, nor each sandbox."""
    if change.startswith("del") and not hasattr(os, "memfd_create"):
        change = ""
    command = [sys.executable, "-c", BECOMING.format(change=change)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate(timeout=60)
    assert said == f"{process.pid} became it\n"
