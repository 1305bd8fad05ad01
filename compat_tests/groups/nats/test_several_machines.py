"""What the guide to several machines says of settings and commands holds."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import nkeys
import pytest
from websockets.sync.client import connect

from channels_bridge.groups.layer_config import LinkedConfig
from channels_bridge.groups.nats_config import NatsConfig
from compat_tests.groups.nats.example_nodes import EXAMPLE, ExampleNodes, example_nodes
from compat_tests.parity.site import PROJECT
from compat_tests.servers import run_python, websockets_server

DEADLINE = 30.0

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


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleNodes]:
    """The guide's single node."""
    with example_nodes(tmp_path_factory.mktemp("node"), 1) as nodes:
        yield nodes


def environment_of(nodes: ExampleNodes, directory: Path) -> dict[str, str]:
    """The sample project's, on a machine whose files are in a directory, with these settings."""
    directory.mkdir()
    files = {"ca_file": str(nodes.ca_file), "nkey_file": str(nodes.mysite.seed_file)}
    config = config_of_the_guide() | files | {"servers": nodes.urls}
    return {
        "SAMPLE_APPS": "channels_bridge",
        "SAMPLE_DATABASE": str(directory / "db.sqlite3"),
        "SAMPLE_RUNTIME_DIR": str(directory),
        "SAMPLE_LAYER": "channels_bridge.layers.NatsChannelLayer",
        "SAMPLE_LAYER_CONFIG": json.dumps(config),
    }


def test_two_machines(nodes: ExampleNodes, tmp_path: Path) -> None:
    """Two servers with these settings, which share no file, talk to each other's clients."""
    with ExitStack() as stack:
        members = []
        for name in "a", "b":
            env = environment_of(nodes, tmp_path / name)
            server = stack.enter_context(websockets_server(PROJECT, env=env))
            url = f"{server.ws_url}/room/lobby/"
            members.append(stack.enter_context(connect(url, origin=server.url, proxy=None)))
        for member in members:
            member.send(json.dumps({"text": "hello"}))
        for member in members:
            assert [json.loads(member.recv(DEADLINE))["text"] for _ in members] == ["hello"] * 2


def test_deployment_check(nodes: ExampleNodes, tmp_path: Path) -> None:
    """``check --deploy`` has connected to the node, and has nothing to say about it."""
    env = environment_of(nodes, tmp_path / "a")
    answer = run_python(PROJECT, "manage.py", "check", "--deploy", env=env, merged=True).stdout
    found = set(re.findall(r"channels_bridge\.[EW]0\d+", answer))
    assert not found & {f"channels_bridge.{name}" for name in ("E011", "W012", "W013", "W014")}
    assert any("channels_bridge check" in name for name in names_seen(nodes))


def names_seen(nodes: ExampleNodes) -> list[str]:
    """The names of connections that the node has closed."""
    connections = nodes.servers[0].ask("connz?state=closed")["connections"]
    return [connection.get("name", "") for connection in connections]


@pytest.mark.parametrize("permission", ["mysite.>", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$JS"])
def test_permissions_are_explained(permission: str) -> None:
    """What accounts.conf allows is what the guide speaks of."""
    assert permission in (EXAMPLE / "accounts.conf").read_text()
    assert f"`{permission}`" in GUIDE
