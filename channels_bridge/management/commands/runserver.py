"""``manage.py runserver``: the development server, for pages and WebSockets."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands.runserver import Command as RunserverCommand

from channels_bridge import __version__, conf
from channels_bridge.logs import configure_logging
from channels_bridge.project.advice import group_advice, startup_advice
from channels_bridge.project.asgi_application import get_application, open_application
from channels_bridge.project.console_log import ConsoleLog
from channels_bridge.project.hubs import describe_neighbours, places, serving_hubs
from channels_bridge.project.own_status import answering_for_itself
from channels_bridge.server.asgi_types import Application
from channels_bridge.server.bind import TcpBind
from channels_bridge.server.child.main import run_loop
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.http.page_timeout import limited
from channels_bridge.server.listen import listen
from channels_bridge.server.proxy import Proxy
from channels_bridge.server.worker.inprocess import serve


class Command(RunserverCommand):
    help = "Starts a lightweight web server for development, with WebSockets."
    stealth_options = (*RunserverCommand.stealth_options, "use_static_handler", "insecure_serving")

    # Set by Django's handle().
    addr: str
    port: str
    _raw_ipv6: bool

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--noasgi",
            action="store_false",
            dest="use_asgi",
            help="run Django's WSGI server instead, which takes no WebSockets",
        )
        self._add_limits(parser)
        if apps.is_installed("django.contrib.staticfiles"):
            self._add_static_files(parser)

    def _add_limits(self, parser: CommandParser) -> None:
        """Add the options of Daphne's runserver that limit time and size."""
        parser.add_argument(
            "--http_timeout",
            type=int,
            metavar="SECONDS",
            help="time for a page, which is then answered with 503 (default: no limit)",
        )
        parser.add_argument(
            "--websocket_handshake_timeout",
            type=int,
            default=5,
            metavar="SECONDS",
            help="time for the application to accept or deny a WebSocket (default: %(default)s)",
        )
        parser.add_argument(
            "--websocket-max-message-size",
            type=int,
            metavar="BYTES",
            help="size limit of an incoming message; 0 is no limit (default: 1 MiB)",
        )
        parser.add_argument(
            "--websocket-max-frame-size",
            type=int,
            metavar="BYTES",
            help="size limit of an incoming frame; 0 leaves the limit on messages (default: 1 MiB)",
        )

    def _add_static_files(self, parser: CommandParser) -> None:
        """Add the options of the runserver of ``django.contrib.staticfiles``."""
        parser.add_argument(
            "--nostatic",
            action="store_false",
            dest="use_static_handler",
            help="do not serve static files at STATIC_URL",
        )
        parser.add_argument(
            "--insecure",
            action="store_true",
            dest="insecure_serving",
            help="serve static files even if DEBUG is False",
        )

    def inner_run(self, *args: Any, **options: Any) -> None:
        if not options["use_asgi"]:
            super().inner_run(*args, **options)
            return
        self.stdout.write("Performing system checks...\n\n")
        self.check(display_num_errors=True)
        self.check_migrations()
        try:
            config = make_config(
                f"[{self.addr}]" if self._raw_ipv6 else self.addr, self.port, options
            )
            application = get_application(static=serves_static(options))
            configure_logging(level=logging.WARNING)  # again: the import may have set up logging
            if options["http_timeout"]:
                application = limited(application, options["http_timeout"])
            run_loop(self.serve(config, application))
        except StartupError as error:
            self.stderr.write(f"Error: {error}")
            os._exit(
                1
            )  # as Django's does: an exception in the autoreloader's thread ends only that
        except KeyboardInterrupt:
            self.stdout.write(options.get("shutdown_message", ""))
            sys.exit(0)

    async def serve(self, config: ServerConfig, application: Application) -> None:
        """Serve until Ctrl-C, or until the autoreloader ends this process."""
        neighbours = describe_neighbours(places())  # raises if a layer is misconfigured
        listeners = listen(config.binds)
        self._advise(config)
        stop = asyncio.Event()  # nobody sets it: both end the process
        about = {
            "version": __version__,
            "listening": [listener.url() for listener in listeners],
            "carriers": group_advice.carriers(),
        }
        async with (
            serving_hubs(),
            open_application(application) as served,
            answering_for_itself(about) as report,
        ):
            await serve(
                served,
                [listener.sock for listener in listeners],
                config,
                ready=partial(self.announce, listeners[0].url(), neighbours),
                stop=stop,
                access=ConsoleLog(self.style),
                report=report,
            )

    def _advise(self, config: ServerConfig) -> None:
        """Warn of what may surprise with these settings."""
        for text in (
            *startup_advice.about_pages(config.http),
            *group_advice.about_groups(config.workers),
        ):
            self.stderr.write(self.style.WARNING(text))

    def announce(self, url: str, neighbours: Sequence[str] = ()) -> None:
        quit_command = "CTRL-BREAK" if sys.platform == "win32" else "CONTROL-C"
        self.stdout.write(
            f"{datetime.now():%B %d, %Y - %X}\n"
            f"Django version {self.get_version()}, using settings {settings.SETTINGS_MODULE!r}\n"
            f"Starting ASGI/channels_bridge version {__version__} development server at {url}\n"
            + "".join(f"{line}\n" for line in neighbours)
            + f"Quit the server with {quit_command}.\n"
        )


def make_config(host: str, port: str, options: Mapping[str, Any]) -> ServerConfig:
    """Make the engine's configuration from the options."""
    message_size, frame_size = conf.max_sizes(
        options["websocket_max_message_size"], options["websocket_max_frame_size"]
    )
    return ServerConfig(
        application="",  # it is served in this process
        binds=(TcpBind(f"{host}:{port}", host.strip("[]"), int(port)),),
        handshake_timeout=options["websocket_handshake_timeout"],
        max_message_size=message_size,
        max_frame_size=frame_size,
        proxy=Proxy(root_path=settings.FORCE_SCRIPT_NAME or ""),
    )


def serves_static(options: Mapping[str, Any]) -> bool:
    installed = apps.is_installed("django.contrib.staticfiles")
    wanted = options.get("use_static_handler", installed)
    return bool(wanted and (settings.DEBUG or options.get("insecure_serving")))
