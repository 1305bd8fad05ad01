"""The server's configuration, from the options of ``websockets_server`` and the settings."""

from __future__ import annotations

import math
import os
import pickle
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.conf import settings

from channels_bridge import conf
from channels_bridge.project import control_client
from channels_bridge.project.options.option_sources import ServerOptions
from channels_bridge.project.settings_snapshot import Surroundings
from channels_bridge.server.bind import Bind, parse_binds
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.proxy import Proxy
from channels_bridge.server.tls import Certificate

#: What workers import: each is a module and a name in it.
APPLICATION = "channels_bridge.project.entry:application"
FIGURES = "channels_bridge.project.figures:figures"

#: Options that need a socket between processes of the server.
ADDRESS_LIMITS = ("max_connections_per_address", "max_connection_rate")

#: A container's limit of CPU time (cgroup v2): microseconds, and the period in which it has them.
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def make_config(options: ServerOptions) -> ServerConfig:
    """Make the server's configuration from its options.

    Raises:
        StartupError: an option is invalid; the message says where it was found.
    """
    return ServerConfig(
        application=APPLICATION,
        asgi_application=conf.asgi_application() or "",
        surroundings=pickle.dumps(Surroundings()) if settings.SETTINGS_MODULE is None else b"",
        figures=FIGURES,
        binds=make_binds(options),
        certificate=make_certificate(options),
        proxy=make_proxy(options),
        runtime_dir=runtime_dir(options),
        **same_fields(options),
    )


def same_fields(options: ServerOptions) -> dict[str, Any]:
    """The fields that are options, too; each is tried alone, to say where a wrong one is from."""
    names = {field.name for field in fields(ServerConfig)}
    same = {name: value for name, value in options.values.items() if name in names}
    with options.naming("workers"):
        same["workers"] = number_of_workers(same["workers"])
    if same["max_requests_jitter"] and not same["max_requests"]:
        with options.naming("max_requests_jitter"):
            raise StartupError("--max-requests-jitter needs --max-requests")
    for name in options.sources:
        if name in same:
            with options.naming(name):
                ServerConfig(application="", **{name: same[name]})
    return same


def number_of_workers(asked: int) -> int:
    if asked < 0:
        raise StartupError(f"workers must be 0 (one per core) or more, not {asked}")
    return asked or available_cores()


def make_binds(options: ServerOptions) -> tuple[Bind, ...]:
    with options.naming("bind"):
        return parse_binds(options["bind"] or ["127.0.0.1:8000"])


def make_proxy(options: ServerOptions) -> Proxy:
    with options.naming("forwarded_allow_ips"):
        texts = map(str.strip, options["forwarded_allow_ips"].split(","))
        trusted = Proxy(trusted=tuple(filter(None, texts))).trusted
    with options.naming("root_path"):
        return Proxy(root_path=options["root_path"], trusted=trusted)


def runtime_dir(options: ServerOptions) -> str:
    """The directory for the socket that limits per client address need; empty without limits.

    Raises:
        StartupError: there is no private directory for it.
    """
    limits = [name for name in ADDRESS_LIMITS if options[name]]
    if not limits:
        return ""
    try:
        return str(control_client.runtime_directory())
    except ValueError as error:
        option = "--" + limits[0].replace("_", "-")
        raise StartupError(f"{option} needs a directory: {error}") from None


def available_cores() -> int:
    """The number of cores that this process may use; in a container it can be less than exist."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(cores, container_cores() or cores)


def container_cores() -> int | None:
    """How many cores this container's share of the CPU time is, rounded up; None: all of them."""
    try:
        quota, period = map(int, CPU_MAX.read_text().split())
        return math.ceil(quota / period)
    except (OSError, ValueError):  # no limit is "max 100000"
        return None


def make_certificate(options: ServerOptions) -> Certificate | None:
    names = ("ssl_certfile", "ssl_keyfile", "ssl_keyfile_password")
    certfile, keyfile, password = (options[name] for name in names)
    with options.naming(*names):
        if certfile is None:
            if keyfile is not None:
                raise StartupError("--ssl-keyfile needs --ssl-certfile")
            return None
        certificate = Certificate(certfile, keyfile, password)
        certificate.load()
        return certificate
