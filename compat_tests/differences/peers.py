"""Starts each server on the scenarios' project."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compat_tests.differences.limits import CLOSING
from compat_tests.servers import BRIDGE_READY, DAPHNE_READY, UVICORN_READY, Server, running

SITE = Path(__file__).resolve().parent / "site"
APPLICATION = "compat_tests.differences.site.asgi:application"
UNIX = {
    "daphne": re.compile(r"Configuring endpoint (unix:[^:\s]+)"),
    "uvicorn": re.compile(r"running on (unix) socket"),
}

# Time limits that are too long to wait for become shorter, and uvicorn's size limit Daphne's.
LIMITS = {
    "daphne": ["--application-close-timeout", str(CLOSING)],
    "uvicorn": ["--ws-max-size", str(2**20), "--timeout-graceful-shutdown", "10"],
    "bridge": ["--handshake-timeout", "5", "--close-timeout", str(CLOSING)],
}

#: How a server is started: options of each, and whether it listens on a unix socket.
SETTINGS = {
    "plain": {},
    "proxied": {
        "daphne": ["--root-path", "/pre", "--proxy-headers"],
        "uvicorn": ["--root-path", "/pre"],
        "bridge": ["--root-path", "/pre", "--forwarded-allow-ips", "127.0.0.1"],
    },
    "unix": {},
}


@dataclass
class Peer:
    """A running server.

    Args:
        name: one of `scenario.PEERS` or `scenario.OURS`.
        setting: one of `SETTINGS`.
        address: where it listens.
        record: what its applications noted.

    """

    name: str
    setting: str
    server: Server
    address: str
    record: Path


@contextmanager
def start(name: str, setting: str, directory: Path) -> Iterator[Peer]:
    """Start a server; its files go into `directory`."""
    record = directory / "record"
    record.touch()
    path = directory / "s"
    kind = name.partition("-")[0]
    bind = f"unix:{path}" if setting == "unix" else "127.0.0.1:0"
    command = [sys.executable, *BEGINNINGS[kind](name, bind)]
    command += [*LIMITS[kind], *SETTINGS[setting].get(kind, [])]
    command += [] if kind == "bridge" else [APPLICATION]
    env = {"DIFFERENCES_RECORD": str(record), "DIFFERENCES_LAYER": layer(kind, setting, directory)}
    if kind == "bridge":
        env["DIFFERENCES_APPS"] = "channels_bridge"
    ready = UNIX.get(kind, BRIDGE_READY) if setting == "unix" else READY[kind]
    with running(command, SITE, ready, env=env) as server:
        address = f"unix:{path}" if setting == "unix" else server.address
        if setting == "unix":
            server.wait_until(path.exists, f"{path}", 10)
        yield Peer(name, setting, server, address, record)


def daphne(name: str, bind: str) -> list[str]:
    where = ["-u", bind.removeprefix("unix:")] if bind.startswith("unix:") else ["-p", "0"]
    return ["-m", "compat_tests.differences.patient_daphne", *where]


def uvicorn(name: str, bind: str) -> list[str]:
    where = ["--uds", bind.removeprefix("unix:")] if bind.startswith("unix:") else ["--port", "0"]
    return ["-m", "uvicorn", "--no-use-colors", *where]


def bridge(name: str, bind: str) -> list[str]:
    return ["manage.py", "websockets_server", "-b", bind, "-w", name.partition("-")[2]]


def layer(kind: str, setting: str, directory: Path) -> str:
    """The channel layer: that of Channels for the others, ours for ours."""
    if kind != "bridge":
        return json.dumps({"BACKEND": "channels.layers.InMemoryChannelLayer"})
    if setting != "plain":  # no groups there: no need of a hub
        return json.dumps({"BACKEND": "channels_bridge.layers.LocalChannelLayer"})
    config = {"address": f"unix:{directory / 'groups'}"}
    return json.dumps({"BACKEND": "channels_bridge.layers.GrpcChannelLayer", "CONFIG": config})


BEGINNINGS = {"daphne": daphne, "uvicorn": uvicorn, "bridge": bridge}
READY = {"daphne": DAPHNE_READY, "uvicorn": UVICORN_READY, "bridge": BRIDGE_READY}
