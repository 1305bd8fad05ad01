"""``manage.py websockets_server``: the production server, for WebSockets and pages."""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_bridge import __version__, conf
from channels_bridge.common.exit_deadline import leave_soon
from channels_bridge.common.open_files import OpenFiles, describe, raise_limit
from channels_bridge.common.process_title import make_title
from channels_bridge.groups.discovery.runtime_directory import kept, leave_all
from channels_bridge.logs import configure_logging
from channels_bridge.project import control_client, group_metrics, hubs
from channels_bridge.project.advice import group_advice, startup_advice
from channels_bridge.project.foreign.foreign_command_line import answers
from channels_bridge.project.options.config_from_options import make_config
from channels_bridge.project.options.option_sources import ServerOptions, settle
from channels_bridge.project.options.server_options import add_options
from channels_bridge.project.supervisor_process import become_supervisor, can_become_supervisor
from channels_bridge.project.supervisor_program import Job, pickled_logging, supervise
from channels_bridge.server.bind import parse_bind
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.http.protocol_factory import serves_http
from channels_bridge.server.listen import listen
from channels_bridge.server.listening_socket import Listener
from channels_bridge.server.monitoring.pages import require_extra, serving_metrics
from channels_bridge.server.monitoring.status import serving_status
from channels_bridge.server.optional_packages import event_loop
from channels_bridge.server.supervisor.child_process import Service
from channels_bridge.server.supervisor.supervisor import Watcher

#: What a hub's process imports: a module, and a name in it.
HUB = "channels_bridge.project.hub_program:main"

logger = logging.getLogger("channels_bridge.server")


class Command(BaseCommand):
    help = "Serves ASGI_APPLICATION on websockets, with groups over gRPC or NATS."

    _is_program = False

    def add_arguments(self, parser: CommandParser) -> None:
        add_options(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        # First, as argparse doesn't know other servers' options, or takes them for abbreviations.
        if lines := answers(argv[2:], self._options(argv)):
            self.stderr.write("CommandError: " + "\n  ".join(lines))
            sys.exit(2)
        self._is_program = argv == sys.argv  # else a program calls the command among other things
        super().run_from_argv(argv)

    def _options(self, argv: list[str]) -> dict[str, bool]:
        """Our own options, and whether each takes a value."""
        actions = self.create_parser(argv[0], argv[1])._option_string_actions
        return {name: action.nargs != 0 for name, action in actions.items()}

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf.asgi_application() and not conf.route_module():
            raise CommandError(conf.NOTHING_TO_SERVE)
        try:
            settled = settle(options, os.environ, conf.server_options())
            configure_logging(settled["access_log_format"])
            job = self.make_job(make_config(settled), settled)
            if self._is_program and can_become_supervisor():
                become_supervisor(job)
            supervise(job, is_program=self._is_program)
            self._leave(0)
        except StartupError as error:
            self._leave(1)
            raise CommandError(str(error)) from error
        finally:
            leave_all()

    def _leave(self, code: int) -> None:
        """End without waiting for the project's threads, if nothing comes after this."""
        if self._is_program:
            leave_soon(code)

    def make_job(self, config: ServerConfig, options: ServerOptions) -> Job:
        """Open the listeners, and log advice on the configuration.

        Raises:
            StartupError: the server can't start with these options.
        """
        places = hubs.places()
        neighbours = hubs.describe_neighbours(places)
        title = make_title("hub", config.asgi_application)
        services = [
            Service("hub", HUB, (config, pickle.dumps(place)), title=title) for place in places
        ]
        open_files = raise_limit()
        with options.naming("bind"):
            listeners = listen(config.binds)
        for text in startup_advice.at_start(config, listeners, open_files.limit):
            logger.warning("%s", text)
        about = {
            "version": __version__,
            "listening": [listener.url(scheme(config)) for listener in listeners],
            "hubs": [place.address for place in places],
            "carriers": group_advice.carriers(),
        }
        endpoints = open_endpoints(options)
        return Job(
            config,
            listeners,
            services,
            self.banner(
                config, listeners, [*neighbours, *notes(config, open_files, options.describe())]
            ),
            list(make_watchers(options, about, endpoints)),
            endpoints,
            kept(),
            pickled_logging(),
        )

    def banner(
        self, config: ServerConfig, listeners: Sequence[Listener], notes: Sequence[str]
    ) -> str:
        """The lines that are printed at the start, in the manner of runserver."""
        workers = "1 worker" if config.workers == 1 else f"{config.workers} workers"
        served = "HTTP and WebSocket" if serves_http(config) else "WebSocket"
        return "\n".join(
            [
                f"{datetime.now():%B %d, %Y - %X}",
                f"Django version {self.get_version()}, using settings {settings.SETTINGS_MODULE!r}",
                f"channels_bridge version {__version__}, serving {served} on {workers}, "
                f"{group_advice.describe_groups()}",
                *notes,
                *(
                    f"Listening at {listener.url(scheme(config))}"
                    f"{startup_advice.describe_reach(listener)}"
                    for listener in listeners
                ),
                "Quit the server with CONTROL-C.",
            ]
        )


def notes(config: ServerConfig, open_files: OpenFiles, elsewhere: str) -> Iterator[str]:
    """Lines of the banner about this machine and this start.

    Args:
        elsewhere: options that the command line doesn't have.
    """
    most = config.max_connections
    connections = f"at most {most} connections" if most else "no limit of connections"
    yield f"Event loop of {event_loop()}, {describe(open_files)}, {connections}"
    if elsewhere:
        yield f"Options: {elsewhere}"


def scheme(config: ServerConfig) -> str:
    return "https" if config.certificate else "http"


def open_endpoints(options: ServerOptions) -> list[Listener]:
    """Listeners for metrics and health checks.

    Raises:
        StartupError: the address can't be listened on, or a package is missing.
    """
    if options["metrics"] is None:
        return []
    with options.naming("metrics"):
        require_extra()
        return listen([parse_bind(options["metrics"])])


def make_watchers(
    options: ServerOptions, about: dict[str, Any], endpoints: Sequence[Listener]
) -> Iterator[Watcher]:
    """The tasks of the supervisor that serve metrics and status."""
    if endpoints:
        yield partial(serving_metrics, endpoints, __version__, group_metrics.DESCRIPTIONS)
    serving = partial(serving_status, summarize=group_metrics.summarize)
    if options["control"]:
        yield partial(serving, options["control"], about)
        return
    try:
        yield partial(serving, control_client.default_path(), about, required=False)
    except ValueError as error:
        logger.warning("websockets_status will not find this server: %s, or pass --control", error)
