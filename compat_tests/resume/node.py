"""Node.js, as Debian has it, for tests of JavaScript without a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node") or "/usr/bin/node"
DEADLINE = 60.0  # seconds


def require_node() -> None:
    """Skip the test where there is no node, but fail it in CI."""
    if not Path(NODE).exists():
        text = f"needs {NODE}: install Debian's nodejs"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(text)


def run_node(*arguments: str, directory: Path, given: str = "") -> str:
    """What node prints, in ``directory`` and with ``given`` on its stdin; fails the test if it
    fails.
    """
    require_node()
    # Colours and a reporter of somebody else's would change what is printed.
    env = {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}
    done = subprocess.run(
        [NODE, *arguments],
        cwd=directory,
        input=given,
        env=env,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    if done.returncode != 0:
        pytest.fail(f"node {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stdout
