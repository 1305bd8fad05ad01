"""The servers that are measured, and how each is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """A server.

    Args:
        name: part of a stack's name.
        command: arguments of Python that start it; ``{port}`` and ``{application}`` are filled in.
        versions: the distributions whose versions say what was measured.
        modules: what it needs.
        apps: what it adds to INSTALLED_APPS.
        environment: variables for it alone.
        directory: where it is run, if not where the benchmark is.
    """

    name: str
    command: str
    versions: tuple[str, ...]
    modules: tuple[str, ...] = ()
    apps: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None


def uvicorn(name: str, options: str = "") -> Server:
    """Uvicorn with these options."""
    return Server(
        name,
        f"-m uvicorn --port {{port}} --log-level warning {options} {{application}}",
        versions=("uvicorn", "websockets", "uvloop"),
        modules=("uvicorn",),
    )


def websockets_server(
    name: str, options: str = "-w 1", modules: tuple[str, ...] = (), **environment: str
) -> Server:
    """The server of this package with these options, and with these variables for it alone."""
    # Without an access log, as Daphne and uvicorn are run, too.
    return Server(
        name,
        f"-m django websockets_server --no-access-log -b 127.0.0.1:{{port}} {options}",
        versions=("channels-bridge", "websockets", "uvloop"),
        modules=modules,
        apps="channels_bridge",
        environment=environment,
    )


def picows(name: str, work: str) -> Server:
    """The bare native server, which does this work: see ``stacks.picows_server``."""
    return Server(
        name,
        f"-m channels_bridge.bench.stacks.picows_server {{port}} {work}",
        versions=("picows", "uvloop"),
        modules=("picows", "uvloop"),
    )


PEERS = (
    Server(
        "daphne",
        "-m daphne -v 0 -p {port} {application}",
        versions=("daphne",),
        modules=("daphne",),
    ),
    uvicorn("uvicorn"),
    uvicorn("uvicorn-websockets", "--ws websockets"),
    uvicorn("uvicorn-w2", "--workers 2"),
    Server(
        "hypercorn",
        "-m hypercorn -k uvloop -b 127.0.0.1:{port} {application}",
        versions=("hypercorn", "uvloop"),
        modules=("hypercorn", "uvloop"),
    ),
    Server(
        "granian",
        "-m granian --interface asginl --log-level error --port {port} {application}",
        versions=("granian", "uvloop"),
        modules=("granian",),
    ),
)

OURS = (
    websockets_server("websockets_server"),
    websockets_server("websockets_server-w2", "-w 2"),
    websockets_server(
        "websockets_server-metrics", "-w 1 --metrics 127.0.0.1:0", modules=("prometheus_client",)
    ),
    websockets_server("websockets_server-threads16", BENCH_SYNC_THREADS="16"),
)

FLOORS = (picows("picows", "json"), picows("picows-frames", "frames"))
