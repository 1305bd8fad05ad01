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


INHERITING = """
import os
from channels_bridge.common.child_program import become
become("builtins:exec", "import os; print(*map(os.get_inheritable, range(4)))", fds=[0, 3])
"""


def test_standard_descriptors():
    """A socket that is a program's input, as with `-b fd:0`, is so in its children as well."""
    source = f"import os; os.dup2(0, 3)\n{INHERITING}"
    said = subprocess.run(
        [sys.executable, "-c", source], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert said.stdout == "True True True False\n", said.stderr
