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


def can_be_apart() -> bool:
    """Whether this user may make a PID namespace."""
    return (
        bool(shutil.which(APART[0]))
        and not subprocess.run([*APART, "true"], capture_output=True).returncode
    )


@pytest.mark.skipif(not can_be_apart(), reason="namespaces take root")
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
