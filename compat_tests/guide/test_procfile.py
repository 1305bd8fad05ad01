"""The guide's Procfile starts a server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from channels_bridge.bench.stacks.processes import free_port
from compat_tests.guide.pages import blocks
from compat_tests.guide.programs import project_environment, require_echo, require_package
from compat_tests.parity.site import PROJECT
from compat_tests.servers import BRIDGE_READY, running


def test_procfile(socket_dir: Path) -> None:
    """The web process serves on the platform's port, as many workers as it says."""
    require_package("honcho")
    (procfile,) = [text for text in blocks("platforms.md", "") if text.startswith("# Procfile\n")]
    path = socket_dir / "Procfile"
    path.write_text(procfile.partition("\n")[2])
    port = free_port()
    start = [sys.executable, "-m", "honcho", "--no-prefix", "-f", str(path), "-d", str(PROJECT)]
    env = project_environment(socket_dir) | {
        "PORT": str(port),
        "WEB_CONCURRENCY": "3",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with running([*start, "start", "web"], PROJECT, BRIDGE_READY, env=env) as server:
        assert server.port == port
        assert "on 3 workers" in server.log()
        require_echo(server)
        server.stop()
        assert "killed" not in server.log()
