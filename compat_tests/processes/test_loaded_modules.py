"""What each process of a server has loaded: the supervisor and the hub little, to take little."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from compat_tests.processes.conftest import SITE
from compat_tests.servers import websockets_server

#: Each process writes, at its end, what it has loaded, under a name that it has by its program.
RECORDER = """
import atexit, os, sys
ROLES = {
    "worker": "channels_bridge.server.worker.worker_process",
    "command": "django.core.management",
    "hub": "channels_bridge.project.hub_program",
    "supervisor": "channels_bridge.project.supervisor_program",
}
def record():
    role = next(role for role, module in ROLES.items() if module in sys.modules)
    with open(os.path.join(os.environ["LOADED"], f"{role}-{os.getpid()}"), "w") as file:
        file.write(" ".join(sys.modules))
atexit.register(record)
"""

#: What makes a project: nothing of it may be loaded. Beside it, for the supervisor: the layer's and
#: the clients' protocols. Names stand for what is below them, too.
PROJECT = ["django.apps", "django.db", "django.core.management", "django.utils.log", "desk", "asgi"]
CHANNELS = ["channels.layers", "channels.consumer", "channels_bridge.transport"]
HTTP = ["websockets", "uvicorn", "httptools"]
GRPC = ["hpack", "google", "msgpack"]

WITHOUT = {
    "supervisor": [*PROJECT, *CHANNELS, *HTTP, *GRPC, "uvloop", "importlib.metadata"],
    "hub": [*PROJECT, *CHANNELS, *HTTP, "settings", "importlib.metadata"],
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> dict[str, set[str]]:
    """The modules of each process of a server that has ended, by its role."""
    directory = tmp_path_factory.mktemp("loaded")
    (directory / "sitecustomize.py").write_text(RECORDER)
    env = {"LOADED": str(directory), "PYTHONPATH": str(directory), "TMPDIR": str(directory)}
    with websockets_server(SITE, env=env) as server:
        pid = server.pid
        assert server.stop() == 0
    roles = {path.name: set(path.read_text().split()) for path in directory.glob("*-*")}
    assert f"supervisor-{pid}" in roles  # under the command's number
    return {name.partition("-")[0]: modules for name, modules in roles.items()}


@pytest.mark.parametrize("role", WITHOUT)
def test_loaded(loaded, role):
    """The supervisor and the hub load what they do, and nothing of the project."""
    assert list(below(WITHOUT[role], loaded[role])) == []


def test_grpcio(loaded):
    """Nobody loads Google's gRPC, which is in the tests only."""
    assert list(below(["grpc"], set().union(*loaded.values()))) == []


def test_the_worker_has_loaded_it(loaded):
    """The names above are those of modules: a worker has them."""
    names = {name for names in WITHOUT.values() for name in names}
    assert {name for name in names if not list(below([name], loaded["worker"]))} == set()


def below(packages: Iterable[str], modules: Iterable[str]) -> Iterable[str]:
    """Those of the modules that are one of the packages, or in it."""
    for module in sorted(modules):
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            yield module
