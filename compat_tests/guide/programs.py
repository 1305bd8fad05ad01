"""Programs and packages that run, or judge, what the guide shows."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

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


def missing(reason: str) -> str:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def project_environment(directory: Path, config: str = "{}") -> Mapping[str, str]:
    """What the sample project needs, with its files in a directory."""
    return {
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "SAMPLE_DATABASE": str(directory / "db.sqlite3"),
        "SAMPLE_EVENTS": str(directory / "events"),
        "SAMPLE_APPS": "channels_bridge",
        "SAMPLE_LAYER": "channels_bridge.layers.GrpcChannelLayer",
        "SAMPLE_LAYER_CONFIG": config,
    }


@contextmanager
def echoing(server: Server) -> Iterator[None]:
    """A connection is open meanwhile, and answers before and after."""
    url = f"{server.ws_url}/echo/"
    options = {"origin": ORIGIN, "open_timeout": START_DEADLINE, "proxy": None}
    with connect(url, **options) as client:
        for text in ("before", "after"):
            client.send(text)
            assert client.recv(DEADLINE) == text
            if text == "before":
                yield


def at_home(text: str, python: str = sys.executable) -> str:
    """What the guide shows, with this interpreter and the sample project in place of its own."""
    text = text.replace(f"{HOME}/venv/bin/python", python)
    text = text.replace(f"{HOME}/venv/bin/", f"{python} -m ")
    return text.replace(HOME, str(PROJECT))
