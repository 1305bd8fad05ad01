"""The server's configuration, from the options of ``websockets_server`` and the settings."""

from __future__ import annotations

import os
import pickle
from dataclasses import fields
from typing import Any

from django.conf import settings

from channels_bridge import conf
from channels_bridge.project import control_client
from channels_bridge.project.settings_snapshot import Surroundings
from channels_bridge.server.bind import parse_binds
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.proxy import Proxy
from channels_bridge.server.supervisor.systemd import listen_fds
from channels_bridge.server.tls import Certificate

#: What workers import: each is a module and a name in it.
APPLICATION = "channels_bridge.project.entry:application"
FIGURES = "channels_bridge.project.figures:figures"

#: Options that need a socket between processes of the server.
ADDRESS_LIMITS = ("max_connections_per_address", "max_connection_rate")


def make_config(options: dict[str, Any]) -> ServerConfig:
    """Make the server's configuration from the command line.

    Raises:
        StartupError: an option is invalid.
    """
    same = {
        field.name: options[field.name] for field in fields(ServerConfig) if field.name in options
    }
    trusted = filter(None, map(str.strip, options["forwarded_allow_ips"].split(",")))
    return ServerConfig(
        application=APPLICATION,
        asgi_application=conf.asgi_application() or "",
        surroundings=pickle.dumps(Surroundings()) if settings.SETTINGS_MODULE is None else b"",
        figures=FIGURES,
        binds=parse_binds(options["bind"] or passed_sockets() or ["127.0.0.1:8000"]),
        certificate=make_certificate(options),
        proxy=Proxy(root_path=options["root_path"], trusted=tuple(trusted)),
        runtime_dir=runtime_dir(options),
        **{**same, "workers": same["workers"] or available_cores()},
    )


def runtime_dir(options: dict[str, Any]) -> str:
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


def passed_sockets() -> list[str]:
    """The sockets of socket activation, in the form of ``-b``; without ``-b`` they are served."""
    return [f"fd:{number}" for number in listen_fds()]


def available_cores() -> int:
    """The number of cores that this process may use; in a container it can be less than exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_certificate(options: dict[str, Any]) -> Certificate | None:
    if options["ssl_certfile"] is None:
        if options["ssl_keyfile"] is not None:
            raise StartupError("--ssl-keyfile needs --ssl-certfile")
        return None
    names = ("ssl_certfile", "ssl_keyfile", "ssl_keyfile_password")
    certificate = Certificate(*(options[name] for name in names))
    certificate.load()
    return certificate
