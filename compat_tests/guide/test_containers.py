"""Files for Compose, Kubernetes and GitHub fit their schemas, and what they rely on holds."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import unix_connect

from channels_bridge.management.commands.websockets_server import Command
from channels_bridge.server.config import ServerConfig
from compat_tests.guide.pages import block, blocks
from compat_tests.guide.programs import project_environment, require_package
from compat_tests.parity.site import PROJECT
from compat_tests.servers import BRIDGE_READY, environment, running

yaml = pytest.importorskip("yaml")

#: Runs a program as in a container: as process 1, without a network, with another ``/tmp``. A
#: directory of outside is there as well, in its place, and as ``/tmp`` if that is asked for.
APART = [
    *("unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--mount-proc", "--kill-child"),
    *("sh", "-c"),
    'mount --bind "$1" /mnt && if [ "$2" = /tmp ]; then mount --bind /mnt /tmp; '
    'else mount -t tmpfs tmp /tmp; fi && mkdir -p "$1" && mount --bind /mnt "$1" && '
    'shift 2 && exec "$@"',
    "apart",
]

SEND = """
import django
django.setup()
from channels_bridge.sending import group_send
group_send("lobby", {"type": "room.message", "text": "hello"})
"""


@pytest.mark.parametrize("text", blocks("docker.md", "yaml"), ids=lambda text: text.split("\n")[0])
def test_compose(text: str) -> None:
    """Compose's own schema finds nothing wrong, and names no service that is not there."""
    compose = yaml.safe_load(text)
    assert list(complaints("compose-spec", compose)) == []
    for service in compose["services"].values():
        assert set(service.get("depends_on", ())) <= set(compose["services"])
        mounted = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert mounted <= {*compose.get("volumes", ()), "./nginx.conf"}


@pytest.mark.parametrize(
    "text", blocks("kubernetes.md", "yaml"), ids=lambda text: text.split("\n")[0]
)
def test_kubernetes(text: str) -> None:
    """Kubernetes' own schemas know each key, and its parts refer to one another."""
    require_package("kubernetes_validate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package's own imports
        import kubernetes_validate

    for document in yaml.safe_load_all(text):
        kubernetes_validate.validate(document, "1.30", strict=True)
        if document["kind"] == "Deployment":
            pod = document["spec"]["template"]
            assert document["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
            require_sense(pod["spec"])


def require_sense(pod: dict[str, Any]) -> None:
    """What is mounted is there, the server takes its arguments, and has the time to stop."""
    containers = {container["name"]: container for container in pod["containers"]}
    mounted = {mount["name"] for each in containers.values() for mount in each["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    parser = Command().create_parser("manage.py", "websockets_server")
    drain = parser.parse_args(containers["web"]["args"]).drain_seconds
    shutdown = ServerConfig(application="").shutdown_timeout
    assert pod["terminationGracePeriodSeconds"] > drain + shutdown


def test_workflow() -> None:
    """GitHub's schema finds nothing wrong."""
    workflow = yaml.load(block("testing.md", "yaml"), yaml.BaseLoader)  # "on" is no boolean there
    assert list(complaints("github-workflows", workflow)) == []


def complaints(name: str, document: object) -> Iterator[str]:
    """What a schema that check-jsonschema brings finds wrong."""
    require_package("check_jsonschema")
    from check_jsonschema.builtin_schemas import get_builtin_schema
    from jsonschema import Draft7Validator

    schema = Draft7Validator(get_builtin_schema(f"vendor.{name}"))
    yield from (error.message for error in schema.iter_errors(document))


def can_be_apart() -> bool:
    """Whether this user may make namespaces."""
    command = [*APART, "/var", "a volume", "true"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(command, capture_output=True).returncode
    )


@pytest.mark.skipif(not can_be_apart(), reason="namespaces take root")
@pytest.mark.parametrize("place", ["a volume", "/tmp"])
def test_apart(place: str, socket_dir: Path) -> None:
    """A sender in another container finds the server's hub by an address in a directory of both,
    or by a ``/tmp`` of both.
    """
    address = {"address": f"unix:{socket_dir}/groups.sock"}
    if place == "/tmp":
        address = {}
        socket_dir.chmod(0o777)  # as an emptyDir is
    env = project_environment(socket_dir, require_hub=True, **address)
    apart = [*APART, str(socket_dir), place, sys.executable]
    serve = [*apart, "manage.py", "websockets_server", "-w", "2", "-b", f"unix:{socket_dir}/web"]
    with running(serve, PROJECT, BRIDGE_READY, env=env) as server:
        with unix_connect(server.path, "ws://localhost/room/lobby/", origin=server.url) as client:
            send = [*apart, "-c", SEND]
            subprocess.run(send, cwd=PROJECT, env=environment(env), check=True, timeout=60)
            assert json.loads(client.recv(20))["text"] == "hello"
        (first,) = [each for each in server.children() if each.ppid() == server.pid]
        first.send_signal(signal.SIGTERM)
        assert server.wait() == 0
