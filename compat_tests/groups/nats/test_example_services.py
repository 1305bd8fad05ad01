"""What starts the nodes of ``examples/nats`` is valid, by the programs that read it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from compat_tests.groups.nats.example_nodes import EXAMPLE
from compat_tests.groups.nats.nats_servers import require_nats_server


def test_service(tmp_path: Path) -> None:
    """The unit is valid, both as it is and with what its comments say of three nodes."""
    if not (verifier := shutil.which("systemd-analyze")):
        pytest.skip("there is no systemd-analyze here")
    text = (EXAMPLE / "nats.service").read_text()
    one = text.replace("/usr/local/bin/nats-server", str(require_nats_server()))
    three = re.sub(r"^# (\w+=)", r"\1", one, flags=re.MULTILINE)
    for name, unit in {"one": one, "three": three}.items():
        path = tmp_path / f"{name}.service"
        path.write_text(unit)
        command = [verifier, "verify", "--man=no", str(path)]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0 and f"{path}:" not in result.stderr, result.stderr


def test_compose() -> None:
    """The compose file is valid."""
    command = find_compose()
    if command is None:
        pytest.skip("there is no docker compose here")
    file = str(EXAMPLE / "compose.yaml")
    subprocess.run([*command, "-f", file, "config", "-q"], check=True, capture_output=True)


def find_compose() -> list[str] | None:
    """The command, of either age."""
    for command in ["docker", "compose"], ["docker-compose"]:
        if shutil.which(command[0]):
            result = subprocess.run([*command, "version"], capture_output=True)
            if result.returncode == 0:
                return command
    return None
