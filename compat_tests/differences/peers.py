"""Starts each server on the scenarios' project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compat_tests import servers
from compat_tests.differences.limits import CLOSING
from compat_tests.servers import Server

SITE = Path(__file__).resolve().parent / "site"
APPLICATION = "compat_tests.differences.site.asgi:application"
PATIENT_DAPHNE = "compat_tests.differences.patient_daphne"
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
        name: one of ``scenario.PEERS`` or ``scenario.OURS``.
        setting: one of ``SETTINGS``.
        record: what its applications noted.
    """

    name: str
    setting: str
    server: Server
    record: Path


@contextmanager
def start(name: str, setting: str, directory: Path) -> Iterator[Peer]:
    """Start a server; its files go into ``directory``."""
    record = directory / "record"
    record.touch()
    kind = name.partition("-")[0]
    env = {"DIFFERENCES_RECORD": str(record), "DIFFERENCES_LAYER": layer(kind, setting, directory)}
    if kind == "bridge":
        env["DIFFERENCES_APPS"] = "channels_bridge"
    arguments = [*LIMITS[kind], *SETTINGS[setting].get(kind, [])]
    unix = directory / "s" if setting == "unix" else None
    with serve(name, unix=unix, env=env, arguments=arguments) as server:
        yield Peer(name, setting, server, record)


def serve(name: str, **options: Any) -> AbstractContextManager[Server]:
    kind, _, workers = name.partition("-")
    if kind == "daphne":
        return servers.daphne(SITE, APPLICATION, module=PATIENT_DAPHNE, **options)
    if kind == "uvicorn":
        return servers.uvicorn(SITE, APPLICATION, **options)
    return servers.websockets_server(SITE, workers=int(workers), **options)


def layer(kind: str, setting: str, directory: Path) -> str:
    """The channel layer: that of Channels for the others, ours for ours."""
    if kind != "bridge":
        return json.dumps({"BACKEND": "channels.layers.InMemoryChannelLayer"})
    if setting != "plain":  # no groups there: no need of a hub
        return json.dumps({"BACKEND": "channels_bridge.layers.LocalChannelLayer"})
    config = {"address": f"unix:{directory / 'groups'}"}
    return json.dumps({"BACKEND": "channels_bridge.layers.GrpcChannelLayer", "CONFIG": config})
