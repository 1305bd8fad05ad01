"""The guide's units, as systemd's own programs see them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from channels_bridge.bench.stacks.processes import free_port
from compat_tests.guide.pages import block, blocks
from compat_tests.guide.programs import (
    at_home,
    project_environment,
    require_echo,
    require_program,
)
from compat_tests.parity.site import PROJECT
from compat_tests.servers import BRIDGE_READY, REPOSITORY, running

UNITS = "# /etc/systemd/system/"
#: What ``systemd-socket-activate`` says before it waits for the first client.
LISTENING = re.compile(r"^Listening on ([\d.]+:\d+)", re.MULTILINE)


def test_units(tmp_path: Path) -> None:
    """``systemd-analyze verify`` has nothing to say about them."""
    program = require_program("systemd-analyze")
    units = [text for text in blocks("systemd.md", "ini") if text.startswith(UNITS)]
    files = []
    for text in units:
        first, _, rest = at_home(text).partition("\n")
        files.append(tmp_path / first.removeprefix(UNITS))
        files[-1].write_text(rest)
    assert len(files) == 4
    verify = [program, "verify", "--man=no", *map(str, files)]
    env = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = subprocess.run(verify, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_socket_activation(socket_dir: Path) -> None:
    """The service's command serves on the socket that it is passed, the first client too."""
    program = require_program("systemd-socket-activate")
    service = block("systemd.md", "ini", f"{UNITS}mysite.service")
    (command,) = re.findall(r"^ExecStart=(.*)$", at_home(service), re.MULTILINE)
    variables = project_environment(socket_dir) | {"PYTHONPATH": str(REPOSITORY)}
    passed = [f"--setenv={name}={value}" for name, value in variables.items()]
    activate = [program, f"--listen=127.0.0.1:{free_port()}", *passed, *shlex.split(command)]
    with running(activate, PROJECT, LISTENING) as server:
        require_echo(server)
        assert BRIDGE_READY.findall(server.log()) == server.addresses
        assert server.stop() == 0
