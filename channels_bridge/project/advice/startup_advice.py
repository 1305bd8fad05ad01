"""Warnings at the start of a server, about what may surprise.

System checks know settings alone. These know the options, too, and appear only where they matter.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import ENVIRONMENT_VARIABLE, settings

from channels_bridge import conf
from channels_bridge.common.open_files import is_enough
from channels_bridge.project.advice import group_advice
from channels_bridge.project.advice.environment_sources import named_by_file, named_by_module
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.listening_socket import Listener
from channels_bridge.server.optional_packages import how_to_install, missing, too_new


def at_start(config: ServerConfig, listeners: Iterable[Listener], open_files: int) -> Iterator[str]:
    """Return all warnings about a server for production.

    Args:
        open_files: how many each process may have.
    """
    yield from about_open_files(config, open_files)
    yield from about_settings()
    yield from about_debug(listeners)
    for text in about_pages(config.http):
        yield f"{text}, or --no-http"
    yield from group_advice.about_groups(config.workers)


def about_pages(http: bool) -> Iterator[str]:
    """Warn where pages are asked for, but can't be served, or not as tests have seen it."""
    if not http:
        return
    if packages := missing("http"):
        yield (
            "pages are not served, and requests for them are answered with 426: "
            f"{how_to_install(packages)}"
        )
    for release, package in too_new("http").items():
        yield (
            f"pages are served by {release}, whose inner parts this version of channels_bridge was "
            f"not tested with: {how_to_install([package])}"
        )


# Limits.

#: Files that a worker has beside its connections, and room for what the project opens.
RESERVE = 100

#: Connections that a worker should have room for where nobody says how many there will be.
EXPECTED = 900


def about_open_files(config: ServerConfig, limit: int) -> Iterator[str]:
    """Warn where each worker's share of the connections can't be opened."""
    share = -(-config.max_connections // config.workers) or EXPECTED
    if is_enough(limit, share + RESERVE):
        return
    wanted = max(4 * (share + RESERVE), 65536)
    but = f", and --max-connections asks for {share}" if config.max_connections else ""
    yield (
        f"a worker has room for about {max(limit - RESERVE, 0)} connections{but}: a process may "
        f"have {limit} open files, and each connection is one. Raise the hard limit, by "
        f"LimitNOFILE={wanted} in a systemd unit, --ulimit nofile={wanted} for a container, or in "
        "/etc/security/limits.conf"
    )


# Settings.

#: Our program that takes the place of a project's manage.py, and that one.
PROGRAM, MANAGE = "channels-bridge", "manage.py"

#: What chooses settings: Django's variable, and that of django-configurations.
VARIABLES = (ENVIRONMENT_VARIABLE, "DJANGO_CONFIGURATION")


def about_settings() -> Iterator[str]:
    """Warn of other settings than the project's asgi.py would have under another ASGI server."""
    module, _, _ = (conf.asgi_application() or "").rpartition(".")
    for variable in VARIABLES:
        used = os.environ.get(variable)
        named = named_by_module(module, variable)
        if used is None:
            continue
        if others := named.forced - {used}:
            yield (
                f"{variable} is {used!r} here, but {module} always sets it to {_list(others)}: "
                "let it use os.environ.setdefault(), or set both to the same"
            )
        elif named.defaults and used not in named.defaults and not _is_chosen(variable, used):
            yield (
                f"{variable} is {used!r}, the default of {_script().name}. Under another ASGI "
                f"server it is {_list(named.defaults)}, as {module} says. Set {variable} in the "
                "environment to the one you mean"
            )


def about_debug(listeners: Iterable[Listener]) -> Iterator[str]:
    """Warn of DEBUG where strangers can connect."""
    reachable = [listener.url() for listener in listeners if not _is_loopback(listener.sock)]
    if settings.DEBUG and reachable:
        yield (
            f"DEBUG is on, and {reachable[0]} can be reached from other machines: each error shows "
            f"code and settings there. Set DEBUG = False, or listen on 127.0.0.1. The settings are "
            f"{settings.SETTINGS_MODULE!r}"
        )


# Addresses.

#: What shows that a process is in a container: files of Docker and Podman, Kubernetes' variable.
MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
KUBERNETES = "KUBERNETES_SERVICE_HOST"


def describe_reach(listener: Listener) -> str:
    """Say of an address that nobody reaches from outside of this container; empty for others.

    It is no warning: a proxy in front may be in the same container, or share its network.
    """
    is_tcp = listener.sock.family != socket.AF_UNIX
    if not (is_tcp and _is_loopback(listener.sock) and is_container()):
        return ""
    port = listener.sock.getsockname()[1]
    return f" (reached from inside this container only; for others write -b :{port})"


def is_container() -> bool:
    return KUBERNETES in os.environ or any(path.exists() for path in MARKS)


def _list(names: Iterable[str]) -> str:
    return " or ".join(map(repr, sorted(names)))


def _is_chosen(variable: str, value: str) -> bool:
    """Whether the person who started this process chose it, and not the script that was run.

    A choice holds under another ASGI server as well: asgi.py has a default only.
    """
    if any(argument.startswith(("--settings", "--configuration")) for argument in sys.argv):
        return True
    given = _first_environment()
    named = named_by_file(_script(), variable)
    if variable in (given or ()) or (named.defaults and value not in named.defaults | named.forced):
        return True
    return given is None and not named.defaults


def _script() -> Path:
    """The program that was run, whose default the settings are: a project's manage.py."""
    if sys.argv[0] == PROGRAM:
        return Path(MANAGE)
    return Path(getattr(sys.modules["__main__"], "__file__", None) or sys.argv[0])


def _first_environment() -> set[str] | None:
    """Return the variables that this process was started with; None where that can't be known."""
    try:
        environment = Path("/proc/self/environ").read_bytes()
    except OSError:
        return None
    return {os.fsdecode(item.partition(b"=")[0]) for item in environment.split(b"\0")}


def _is_loopback(sock: socket.socket) -> bool:
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return True  # a unix socket's clients are on this machine
    address = ipaddress.ip_address(sock.getsockname()[0].partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
