"""Programs and packages that run, or judge, what the guide shows."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest
from websockets.sync.client import connect

from compat_tests.engine import DEADLINE
from compat_tests.parity.site import PROJECT
from compat_tests.servers import START_DEADLINE, Server

#: Where services are, in the guide.
HOME = "/srv/mysite"
#: Of pages that the sample project is open to.
ORIGIN = "http://localhost"


def require_program(name: str) -> str:
    """The path of a program. Skips the test where there is none; CI has to have it."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    return shutil.which(name, path=path) or missing(f"there is no {name} on PATH")


def require_package(name: str) -> None:
    """The same for a Python package, of the dependency group ``guide``."""
    if find_spec(name) is None:
        missing(f"{name} is not installed")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def project_environment(directory: Path, **config: object) -> dict[str, str]:
    """What the sample project needs, with its files in a directory, and its hub by default."""
    config = config or {"address": f"unix:{directory}/groups.sock"}
    return {
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "SAMPLE_DATABASE": str(directory / "db.sqlite3"),
        "SAMPLE_EVENTS": str(directory / "events"),
        "SAMPLE_APPS": "channels_bridge",
        "SAMPLE_LAYER": "channels_bridge.layers.GrpcChannelLayer",
        "SAMPLE_LAYER_CONFIG": json.dumps(config),
    }


def require_echo(server: Server) -> None:
    """A client gets an answer, once the server is there to give it."""
    options = {"origin": ORIGIN, "open_timeout": START_DEADLINE, "proxy": None}
    with connect(f"{server.ws_url}/echo/", **options) as client:
        client.send("hello")
        assert client.recv(DEADLINE) == "hello"


def at_home(text: str, python: str = sys.executable) -> str:
    """What the guide shows, with this interpreter and the sample project in place of its own."""
    text = text.replace(f"{HOME}/venv/bin/python", python)
    text = text.replace(f"{HOME}/venv/bin/", f"{python} -m ")
    return text.replace(HOME, str(PROJECT))
