"""``manage.py websockets_server``: serve the project's WebSockets and pages."""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_bridge import __version__, conf
from channels_bridge.common.exit_deadline import leave_soon
from channels_bridge.groups.discovery.runtime_directory import kept, leave_all
from channels_bridge.logs import configure_logging
from channels_bridge.project import control_client, hubs, startup_advice
from channels_bridge.project.foreign_command_line import answers
from channels_bridge.project.settings_snapshot import Surroundings
from channels_bridge.project.supervisor_process import (
    Job,
    become_supervisor,
    leaves_threads,
    supervise,
)
from channels_bridge.server.bind import Listener, listen, parse_bind, parse_binds
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.http import protocol
from channels_bridge.server.monitoring.pages import require_extra, serving_metrics
from channels_bridge.server.monitoring.status import serving_status
from channels_bridge.server.proxy import Proxy
from channels_bridge.server.supervisor.child_process import Service
from channels_bridge.server.supervisor.supervisor import Watcher
from channels_bridge.server.supervisor.systemd import listen_fds
from channels_bridge.server.tls import Certificate

APPLICATION = "channels_bridge.project.entry:application"
FIGURES = "channels_bridge.project.figures:figures"
HUB = "channels_bridge.project.hubs:main"

logger = logging.getLogger("channels_bridge.server")

#: Options that are fields of ServerConfig: type, metavar, help.
LIMITS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "handshake_timeout": (
        float,
        "SECONDS",
        "for a client to send its first request, and for the application to accept or deny it",
    ),
    "close_timeout": (
        float,
        "SECONDS",
        "for the closing handshake, and for the application to return after a disconnect",
    ),
    "drain_seconds": (
        float,
        "SECONDS",
        "over which a worker that ends closes its connections; 0 closes all at once",
    ),
    "drain_code": (int, "CODE", "that it closes them with"),
    "worker_timeout": (
        float,
        "SECONDS",
        "for which the event loop of a worker or the hub may be stuck before it is replaced; "
        "0 is no limit",
    ),
    "startup_timeout": (
        float,
        "SECONDS",
        "for a worker to be ready, or a reload is given up, or the start; 0 is no limit",
    ),
    "shutdown_timeout": (float, "SECONDS", "for applications to return when the server stops"),
    "ping_interval": (float, "SECONDS", "between keepalive pings; 0 sends none"),
    "ping_timeout": (float, "SECONDS", "for the answer to a keepalive ping"),
    "write_timeout": (
        float,
        "SECONDS",
        "in which a client must read some of what waits for it; 0 is no limit",
    ),
    "idle_timeout": (
        float,
        "SECONDS",
        "without a message from a client, after which it is closed with 1001; 0 is no limit",
    ),
    "keep_alive_timeout": (
        float,
        "SECONDS",
        "that an HTTP connection may be idle between two requests; more than a proxy in front "
        "keeps an idle one",
    ),
    "max_connections": (int, "N", "for all workers together, WebSockets and others; 0 is no limit"),
    "max_connections_per_address": (
        int,
        "N",
        "WebSockets of one client address, for all workers together, else 429; 0 is no limit",
    ),
    "max_connection_rate": (
        float,
        "PER_SECOND",
        "WebSockets that one client address may open, else 429; 0 is no limit",
    ),
    "connection_burst": (int, "N", "WebSockets that may come faster, after a quiet time"),
    "max_message_rate": (
        float,
        "PER_SECOND",
        "messages and pings that a client may send, else it is closed with 1008; 0 is no limit",
    ),
    "message_burst": (int, "N", "messages that may come faster than that, after a quiet time"),
    "compress_from": (int, "BYTES", "of a message from which it is compressed"),
    "max_message_size": (int, "BYTES", "of one incoming message; 0 is no limit"),
}

#: Those of them that need a socket.
ADDRESS_LIMITS = ("max_connections_per_address", "max_connection_rate")


class Command(BaseCommand):
    help = "Serves ASGI_APPLICATION on websockets, with groups over gRPC."

    _is_program = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-b",
            "--bind",
            action="append",
            metavar="ADDRESS",
            help="HOST:PORT, :PORT, [IPV6]:PORT, unix:/path or fd:N; repeatable "
            "(default: the sockets that systemd passed, or 127.0.0.1:8000)",
        )
        parser.add_argument(
            "-w",
            "--workers",
            type=int,
            default=1,
            metavar="N",
            help="worker processes; 0 is one per core (default: %(default)s)",
        )
        parser.add_argument(
            "--no-http",
            dest="http",
            action="store_false",
            help="serve WebSockets only, for example behind a web server that serves the pages",
        )
        parser.add_argument(
            "--reload",
            action="store_true",
            help="restart workers when a source file changes, for development",
        )
        parser.add_argument(
            "--root-path",
            default="",
            metavar="PATH",
            help="the prefix under which a proxy serves the project, whether the proxy takes it "
            "away or not",
        )
        parser.add_argument(
            "--forwarded-allow-ips",
            default="",
            metavar="LIST",
            help="peers whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or "
            "networks, separated by commas, 'unix' for unix sockets, '*' for all (default: none)",
        )
        parser.add_argument("--ssl-certfile", metavar="FILE", help="certificate chain, PEM")
        parser.add_argument("--ssl-keyfile", metavar="FILE", help="its key, PEM")
        parser.add_argument("--ssl-keyfile-password", metavar="TEXT", help="the key's password")
        parser.add_argument(
            "--server-name", default="", metavar="TEXT", help="a Server header (default: none)"
        )
        parser.add_argument(
            "--metrics",
            metavar="ADDRESS",
            help="where to serve /metrics for Prometheus, /healthz and /readyz: HOST:PORT or "
            "unix:/path; for your own network only (default: nowhere)",
        )
        parser.add_argument(
            "--control",
            type=Path,
            metavar="PATH",
            help="where websockets_status finds this server (default: a socket in a directory of "
            "the project's own that only its user can enter)",
        )
        parser.add_argument(
            "--no-access-log",
            dest="access_log",
            action="store_false",
            help="no line for each page served and each WebSocket opened and closed",
        )
        parser.add_argument(
            "--access-log-format",
            default="text",
            metavar="FORMAT",
            help="of these lines: text, json, or a template such as '{client} {path} {status}' "
            "(default: %(default)s)",
        )
        parser.add_argument(
            "--no-compression",
            dest="compression",
            action="store_false",
            help="do not compress messages for clients that offer it",
        )
        for name, (number, metavar, text) in LIMITS.items():
            parser.add_argument(
                "--" + name.replace("_", "-"),
                type=number,
                default=getattr(ServerConfig, name),
                metavar=metavar,
                help=f"{text} (default: %(default)s)",
            )

    def run_from_argv(self, argv: list[str]) -> None:
        """Answer first to options of other servers, which argparse doesn't know, or takes for
        abbreviations of ours.
        """
        if lines := answers(argv[2:], self._options(argv)):
            self.stderr.write("CommandError: " + "\n  ".join(lines))
            sys.exit(2)
        self._is_program = argv == sys.argv  # else a program runs it among other things
        super().run_from_argv(argv)

    def _options(self, argv: list[str]) -> dict[str, bool]:
        """Our own options, and whether each takes a value."""
        actions = self.create_parser(argv[0], argv[1])._option_string_actions
        return {name: action.nargs != 0 for name, action in actions.items()}

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf.asgi_application() and not conf.route_module():
            raise CommandError(conf.NOTHING_TO_SERVE)
        try:
            configure_logging(options["access_log_format"])
            job = self.make_job(make_config(options), options)
            if self._is_program and leaves_threads():
                become_supervisor(job)
            supervise(job, is_program=self._is_program)
            self._leave(0)
        except StartupError as error:
            self._leave(1)
            raise CommandError(str(error)) from error
        finally:
            leave_all()

    def _leave(self, code: int) -> None:
        """Wait for no thread that the project has started, if nothing comes after this."""
        if self._is_program:
            leave_soon(code)

    def make_job(self, config: ServerConfig, options: dict[str, Any]) -> Job:
        """Open what is listened on, and say what may be a mistake.

        Raises:
            StartupError: the server can't start so.
        """
        places = hubs.places()
        neighbours = hubs.describe_neighbours(places)
        services = [Service("hub", HUB, (config, place)) for place in places]
        listeners = listen(config.binds)
        for text in startup_advice.at_start(config, listeners):
            logger.warning("%s", text)
        about = {
            "version": __version__,
            "listening": [listener.url(scheme(config)) for listener in listeners],
            "hubs": [place.address for place in places],
        }
        endpoints = open_endpoints(options)
        return Job(
            config,
            listeners,
            services,
            self.banner(config, listeners, neighbours),
            list(make_watchers(options, about, endpoints)),
            endpoints,
            kept(),
        )

    def banner(
        self, config: ServerConfig, listeners: Sequence[Listener], neighbours: Sequence[str] = ()
    ) -> str:
        """What is served, where, how: in the manner of runserver."""
        workers = "1 worker" if config.workers == 1 else f"{config.workers} workers"
        served = "HTTP and WebSocket" if config.http and protocol.is_available() else "WebSocket"
        return "\n".join(
            [
                f"{datetime.now():%B %d, %Y - %X}",
                f"Django version {self.get_version()}, using settings {settings.SETTINGS_MODULE!r}",
                f"channels_bridge version {__version__}, serving {served} on {workers}, "
                f"{startup_advice.describe_groups()}",
                *neighbours,
                *(f"Listening at {listener.url(scheme(config))}" for listener in listeners),
                "Quit the server with CONTROL-C.",
            ]
        )


def scheme(config: ServerConfig) -> str:
    return "https" if config.certificate else "http"


def open_endpoints(options: dict[str, Any]) -> list[Listener]:
    """Where figures are served.

    Raises:
        StartupError: they can't be.
    """
    if options["metrics"] is None:
        return []
    require_extra()
    return listen([parse_bind(options["metrics"])])


def make_watchers(
    options: dict[str, Any], about: dict[str, Any], endpoints: Sequence[Listener]
) -> Iterator[Watcher]:
    """What shows people and their tools what the server does."""
    if endpoints:
        yield partial(serving_metrics, endpoints, __version__)
    if options["control"]:
        yield partial(serving_status, options["control"], about)
        return
    try:
        yield partial(serving_status, control_client.default_path(), about, required=False)
    except ValueError as error:
        logger.warning("websockets_status will not find this server: %s, or give --control", error)


def make_config(options: dict[str, Any]) -> ServerConfig:
    """The command line as the one object that everything else reads.

    Raises:
        StartupError: an option has no meaning.
    """
    trusted = filter(None, map(str.strip, options["forwarded_allow_ips"].split(",")))
    return ServerConfig(
        application=APPLICATION,
        asgi_application=conf.asgi_application() or "",
        surroundings=pickle.dumps(Surroundings()) if settings.SETTINGS_MODULE is None else b"",
        figures=FIGURES,
        binds=parse_binds(options["bind"] or passed_sockets() or ["127.0.0.1:8000"]),
        workers=options["workers"] or available_cores(),
        http=options["http"],
        reload=options["reload"],
        certificate=make_certificate(options),
        proxy=Proxy(root_path=options["root_path"], trusted=tuple(trusted)),
        access_log=options["access_log"],
        access_log_format=options["access_log_format"],
        compression=options["compression"],
        runtime_dir=runtime_dir(options),
        server_name=options["server_name"],
        **{name: options[name] for name in LIMITS},
    )


def runtime_dir(options: dict[str, Any]) -> str:
    """Where workers ask about client addresses, if these are limited.

    Raises:
        StartupError: there is no private directory for that.
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
    """What socket activation gave; without an address of its own, gunicorn takes it too."""
    return [f"fd:{number}" for number in listen_fds()]


def available_cores() -> int:
    """The cores that this process may use, which a container may have less of than the machine."""
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
