"""What the guide to several machines says of settings and commands holds."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import nkeys
import pytest

from channels_bridge.groups.layer_config import LinkedConfig
from channels_bridge.groups.nats_config import NatsConfig
from compat_tests.groups.nats.example_nodes import EXAMPLE

DOCUMENTS = EXAMPLE.parents[1] / "migration_guide"
GUIDE = (DOCUMENTS / "several_machines.md").read_text()


def config_of_the_guide() -> dict[str, Any]:
    """What it shows as CONFIG."""
    code = re.search(r"```python\nCHANNEL_LAYERS = (.*?)```", GUIDE, re.DOTALL)[1]
    layer: dict[str, Any] = ast.literal_eval(code)["default"]
    assert layer["BACKEND"] == "channels_bridge.layers.NatsChannelLayer"
    config: dict[str, Any] = layer["CONFIG"]
    return config


def test_options_are_complete() -> None:
    """The reference has each option that is NATS' own, and none that does not exist."""
    _, _, section = (DOCUMENTS / "settings.md").read_text().partition("\n### Over NATS\n")
    table = section.partition("\n|---|---|---|\n")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\|(.*?)\|", table, re.MULTILINE))))
    options = {field.name for field in fields(NatsConfig)}
    own = options - {field.name for field in fields(LinkedConfig)}
    assert own - {"password", "token"} == named


def test_settings(tmp_path: Path) -> None:
    """The settings that it shows are taken, once the files are there."""
    config = config_of_the_guide()
    seed = make_key(tmp_path)
    (tmp_path / "ca.pem").write_text("-")
    config |= {"ca_file": str(tmp_path / "ca.pem"), "nkey_file": str(seed)}
    assert NatsConfig(**config).uses_tls


def test_key(tmp_path: Path) -> None:
    """The command that makes a key writes its seed and prints what a node knows of it."""
    seed = make_key(tmp_path).read_bytes()
    assert nkeys.from_seed(seed).public_key.decode() == (tmp_path / "printed").read_text().strip()


def make_key(directory: Path) -> Path:
    """Run the guide's command."""
    command = re.search(r"```sh\n(umask 077\n.*?)```", GUIDE, re.DOTALL)[1]
    command = command.replace("python -c", f"{sys.executable} -c")
    with (directory / "printed").open("w") as printed:
        subprocess.run(["sh", "-c", command], cwd=directory, check=True, stdout=printed)
    seed = directory / "mysite.nk"
    assert seed.stat().st_mode & 0o777 == 0o600
    return seed


@pytest.mark.parametrize("permission", ["mysite.>", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$JS"])
def test_permissions_are_explained(permission: str) -> None:
    """What accounts.conf allows is what the guide speaks of."""
    assert permission in (EXAMPLE / "accounts.conf").read_text()
    assert f"`{permission}`" in GUIDE
