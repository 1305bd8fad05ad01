"""What the list of processes shows of a server."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from compat_tests.processes.conftest import SITE
from compat_tests.servers import Server, wait_for, websockets_server

APPLICATION = "[asgi.application]"
CHILDREN = {"hub", "worker 0", "worker 1"}


def shown(process: psutil.Process) -> str:
    """What ``ps`` shows: the system knows no end of it but zero bytes."""
    return " ".join(process.cmdline()).rstrip("\0 ")


def has_children(server: Server, titles: set[str]) -> bool:
    """Each sets its title when it has read what to do, which may be after the server is ready."""
    return {shown(child) for child in server.children()} == titles


# The latter has threads of its own: the server takes their process's place.
@pytest.mark.parametrize("env", [{}, {"SCHEDULE": "schedule"}], ids=["in place", "anew"])
def test_titles(env, socket_dir: Path):
    """With setproctitle, ps tells supervisor, hub and workers apart, and whose they are."""
    if find_spec("setproctitle") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("setproctitle is not installed")
    env = {name: str(socket_dir / value) for name, value in env.items()}
    with websockets_server(SITE, workers=2, env={**env, "TMPDIR": str(socket_dir)}) as server:
        supervisor = f"websockets_server: supervisor {APPLICATION}"
        assert shown(psutil.Process(server.pid)) == supervisor
        titles = {f"websockets_server: {child} {APPLICATION}" for child in CHILDREN}
        assert wait_for(lambda: has_children(server, titles), 10), server.children()


def test_command_lines(socket_dir: Path):
    """Without setproctitle command lines stay as they are, and those of children end so."""
    (socket_dir / "setproctitle.py").write_text("raise ImportError")
    env = {"TMPDIR": str(socket_dir), "PYTHONPATH": str(socket_dir)}
    with websockets_server(SITE, workers=2, env=env) as server:
        assert "manage.py websockets_server" in shown(psutil.Process(server.pid))
        ends = {child.cmdline()[-1] for child in server.children()}
        assert ends == {f"websockets_server: {child} {APPLICATION}" for child in CHILDREN}
