"""The path of the Python interpreter, for those who start another one."""

from __future__ import annotations

import sys
from pathlib import Path


def python() -> str:
    """Return the path, also where Python is embedded."""
    executable = sys.executable or ""
    if Path(executable).name.startswith(("python", "pypy")):
        return executable
    # It is the name of the program that embeds Python, as uWSGI does.
    return str(Path(sys.exec_prefix, "bin", "python3"))
