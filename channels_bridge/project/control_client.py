"""The control sockets of a project's running servers: their paths, and which one is meant."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from channels_bridge import conf
from channels_bridge.common.unix_sockets import is_listened_to
from channels_bridge.groups.discovery.hub_address import Address, default_address
from channels_bridge.groups.discovery.other_hubs import explain_absence
from channels_bridge.groups.discovery.runtime_directory import (
    private_directory,
    project_directory,
    remove_unused,
)
from channels_bridge.server.child.admission_link import LEDGER
from channels_bridge.server.child.questions import Message
from channels_bridge.server.monitoring.control_socket import NoAnswer, ask

#: Seconds for a server to say where it listens.
PATIENCE = 3.0


def default_path() -> Path:
    """Return the path of this process's own control socket.

    Raises:
        ValueError: there is no private directory for it.
    """
    return runtime_directory() / f"server-{os.getpid()}.sock"


def runtime_directory() -> Path:
    """Return the project's directory, cleared of what killed servers have left there.

    Raises:
        ValueError: it can't be had, or isn't private.
    """
    directory = private_directory()
    for path in directory.glob("server-*.sock"):
        if _is_left(path, path):
            path.unlink(missing_ok=True)
    for path in directory.glob(f"{LEDGER}-*"):
        if _is_left(path, path / f"{LEDGER}.sock"):
            shutil.rmtree(path, ignore_errors=True)
    remove_unused()
    return directory


def _is_left(path: Path, socket: Path) -> bool:
    """Whether the process is gone that a file is named after.

    Another PID namespace may use the directory, and a server may not listen yet: so both count.
    """
    pid = path.stem.split("-")[1]
    with contextlib.suppress(OSError, ValueError, OverflowError):
        os.kill(int(pid), 0)  # no signal; it fails where there is no such process
        return False
    return not is_listened_to(socket)


def find_server(address: str | None = None) -> Path:
    """Return the control socket of the one server that runs for this project and this user.

    Args:
        address: where it listens, such as ``127.0.0.1:8000``; needed where there are several.

    Raises:
        NoAnswer: there is none, or more than one; the message says what to write.
    """
    try:
        found = running_servers()
        there = "" if found else why_none_runs()
    except ValueError as error:
        raise NoAnswer(f"{error}, or name the server's socket with --server") from None
    if not found:
        raise NoAnswer(
            f"no server of this project runs for this user on this machine ({there}); "
            "one that was started with --control PATH is found with --server PATH"
        )
    return found[0] if len(found) == 1 and address is None else _choose(found, address)


def running_servers() -> list[Path]:
    """Return the control sockets of the servers that run for this project and this user.

    They are in the project's directory, or where ``control`` in ``WEBSOCKETS_SERVER`` says.

    Raises:
        ValueError: ``WEBSOCKET_RUNTIME_DIR`` can't be meant.
    """
    paths = sorted(project_directory().glob("server-*.sock"))
    if (configured := conf.control_path()) is not None:
        paths.append(Path(configured))
    return [path for path in dict.fromkeys(paths) if is_listened_to(path)]


def why_none_runs() -> str:
    """Say where a server was looked for, or what was found in its place.

    Raises:
        ValueError: ``WEBSOCKET_RUNTIME_DIR`` can't be meant.
    """
    reason = explain_absence(Address.parse(default_address())).reason
    return reason or f"none has its socket in {project_directory()}"


def _choose(found: Iterable[Path], address: str | None) -> Path:
    servers = {path: about(path) for path in found}
    for path, server in servers.items():
        if any(address == place(url) for url in server.get("listening", ())):
            return path
    known = ", ".join(_describe(path, server) for path, server in servers.items())
    if address is not None:
        raise NoAnswer(f"no server of this project listens at {address}; running: {known}")
    raise NoAnswer(
        f"several servers are running; choose one with --server ADDRESS or PATH: {known}"
    )


def servers_and_carriers() -> str:
    """Name the servers that run for this project and this user; empty where there are none.

    It is for whoever looks for what carries their groups.
    """
    try:
        directory = project_directory()
    except ValueError:
        return ""
    servers = (about(path) for path in sorted(directory.glob("server-*.sock")))
    return ", ".join(
        f"{' and '.join(server['listening'])} with groups over {' and '.join(server['carriers'])}"
        for server in servers
        if server.get("listening") and server.get("carriers")
    )


def about(path: Path) -> Message:
    """Ask a server for its status; nothing if it is stuck."""
    try:
        return ask(path, {"top": 0}, PATIENCE)
    except NoAnswer:
        return {}


def _describe(path: Path, server: Message) -> str:
    if not server:
        return f"{path} (does not answer)"
    return f"{path} (listening at {' and '.join(server['listening'])})"


def place(url: str) -> str:
    """Return an address as it is given with ``-b``."""
    return url.partition("://")[2].rstrip("/") or url
