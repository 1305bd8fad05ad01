"""A server that is process 1, as in a container without an init."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys

import pytest

from compat_tests.processes.conftest import DEADLINE, SITE, Desk
from compat_tests.servers import BRIDGE_READY, running, wait_for

APART = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]

#: A program of the project's own that serves, and has started another one before.
PROGRAM = """
import os, subprocess, sys
import django
from django.core.management import call_command
django.setup()
child = subprocess.Popen(["sh", "-c", "exit 3"])
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
call_command("websockets_server", bind=["127.0.0.1:0"])
sys.exit(child.wait())
"""


def can_be_apart() -> bool:
    """Whether this user may make a PID namespace."""
    return (
        bool(shutil.which(APART[0]))
        and not subprocess.run([*APART, "true"], capture_output=True).returncode
    )


needs_namespace = pytest.mark.skipif(not can_be_apart(), reason="namespaces take root")


@needs_namespace
def test_orphans(socket_dir):
    """What programs of the project leave behind is reaped, and the server ends in order."""
    env = {"TMPDIR": str(socket_dir)}
    serve = [sys.executable, "manage.py", "websockets_server", "-b", "127.0.0.1:0"]
    with running([*APART, *serve], SITE, BRIDGE_READY, env=env) as server:
        with Desk(server).connected() as ask:
            orphan = ask("leave_behind")
            assert wait_for(lambda: not ask("is_there", orphan), DEADLINE)
            assert ask("is_there", 1)
        (first,) = [each for each in server.children() if each.ppid() == server.pid]
        first.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        assert server.log().splitlines()[-1].endswith("INFO stopped")


@needs_namespace
def test_children_of_the_project(socket_dir):
    """Where the project runs in the same process, it learns how its own children ended."""
    env = {"TMPDIR": str(socket_dir), "DJANGO_SETTINGS_MODULE": "settings"}
    with running([*APART, sys.executable, "-c", PROGRAM], SITE, BRIDGE_READY, env=env) as server:
        (first,) = [each for each in server.children() if each.ppid() == server.pid]
        first.send_signal(signal.SIGTERM)
        assert server.wait() == 3
