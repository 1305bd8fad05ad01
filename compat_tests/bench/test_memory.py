"""The memory of a server's processes is told by their names."""

from __future__ import annotations

import subprocess
import sys
from unittest.mock import Mock

import pytest

from compat_tests.bench import memory
from compat_tests.bench.memory import Part


@pytest.mark.parametrize(
    "line, name",
    [
        (["websockets_server: worker 3 [mysite.asgi.application]", "", ""], "worker"),
        (["python", "-c", "import sys", "websockets_server: hub [mysite.asgi]"], "hub"),
        (["python", "-c", "import sys", "manage.py", "websockets_server", "-w", "1"], "supervisor"),
        (["websockets_server: supervisor [mysite.asgi]", ""], "supervisor"),
        (["python", "-m", "daphne", "-p", "1", "mysite.asgi:application"], "daphne"),
        (["/usr/bin/redis-server unixsocket:/tmp/redis.sock", ""], "redis-server"),
    ],
)
def test_names(line, name):
    """Processes are known by what the list of processes shows of them."""
    assert memory.name_of(Mock(cmdline=lambda: line)) == name


def test_parts_of_processes():
    """What is read is memory of real processes, those that they have started included."""
    child = "print(flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.stdout.readline()
        found = memory.parts([process.pid])
        process.stdin.close()
    assert len(found) == 2 and all(1 < part.mib < 100 for part in found)


@pytest.mark.parametrize("limit, verdict", [(None, ""), (61, "61: reached"), (60, "60: MISSED")])
def test_row(limit, verdict):
    """Parts of one name stand together, and the sum is held against what it may be."""
    found = [Part("supervisor", 10.04), Part("worker", 25.5), Part("worker", 25.25)]
    assert memory.row("small", found, limit) == [
        "small",
        "60.8",
        "supervisor 10.0, worker 25.2 + 25.5",
        verdict,
    ]
