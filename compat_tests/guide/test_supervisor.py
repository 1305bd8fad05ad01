"""The guide's programs for supervisor run under it."""

from __future__ import annotations

import getpass
import subprocess
import sys
from pathlib import Path

import pytest

from channels_bridge.bench.stacks.processes import free_port
from compat_tests.guide.pages import block
from compat_tests.guide.programs import at_home, project_environment, require_echo, require_package
from compat_tests.parity.site import PROJECT
from compat_tests.servers import BRIDGE_READY, running

#: What supervisor needs besides; the program's lines come through to its own output.
SUPERVISOR = """
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile={directory}/supervisord.pid

[unix_http_server]
file={directory}/control.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{directory}/control.sock

{program}
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
"""


@pytest.mark.parametrize("kind", ["program", "fcgi-program"])
def test_programs(kind: str, socket_dir: Path) -> None:
    """The server starts, reloads by ``supervisorctl`` and stops in order, on either socket."""
    require_package("supervisor")
    program = at_home(block("systemd.md", "ini", f"[{kind}:mysite]"))
    for theirs, ours in {
        "127.0.0.1:8000": f"127.0.0.1:{free_port()}",
        "user=mysite": f"user={getpass.getuser()}",
        "--drain-seconds 30": "--drain-seconds 0.1",
    }.items():
        assert theirs in program
        program = program.replace(theirs, ours)
    path = socket_dir / "supervisord.conf"
    path.write_text(SUPERVISOR.format(directory=socket_dir, program=program))
    supervisord = [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)]
    env = project_environment(socket_dir)
    with running(supervisord, PROJECT, BRIDGE_READY, env=env) as server:
        require_echo(server)
        control = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(path)]
        name = "mysite:mysite" if kind == "fcgi-program" else "mysite"
        subprocess.run([*control, "signal", "HUP", name], check=True, timeout=20)
        server.wait_for_log("reloaded: new workers serve", deadline=60)
        require_echo(server)
        assert server.stop() == 0
        assert "SIGTERM: stopping" in server.log()
        assert "killed" not in server.log()
