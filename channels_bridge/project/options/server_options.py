"""The options of ``websockets_server``, in the groups of its ``--help``.

This table is the one place for them: the command line, the environment and the setting
``WEBSOCKETS_SERVER`` read it (``option_sources``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from django.core.management.base import CommandParser

from channels_bridge.server.config import ServerConfig


class Option(NamedTuple):
    """The arguments of ``add_argument()``."""

    flags: tuple[str, ...]
    keywords: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name in code, in the environment and in the setting: ``ping_interval``."""
        long = self.flags[-1].removeprefix("--").replace("-", "_")
        name: str = self.keywords.get("dest", long)
        return name

    @property
    def kind(self) -> Callable[[str], Any]:
        """What makes its value of a text; ``bool`` for a switch."""
        if str(self.keywords.get("action")).startswith("store_"):
            return bool
        kind: Callable[[str], Any] = self.keywords.get("type", str)
        return kind

    @property
    def is_repeatable(self) -> bool:
        """Whether its value is a list."""
        return self.keywords.get("action") == "append"

    @property
    def default(self) -> Any:
        """The value where none is given anywhere."""
        if self.kind is bool:
            return self.keywords["action"] == "store_false"
        return self.keywords.get("default")


def _option(*flags: str, **keywords: Any) -> Option:
    return Option(flags, keywords)


def _number(name: str, kind: Callable[[str], Any], unit: str, text: str) -> Option:
    """Make an option for a number, with the name and the default of a field of ServerConfig."""
    return _option(
        "--" + name.replace("_", "-"),
        type=kind,
        default=getattr(ServerConfig, name),
        metavar=unit,
        help=f"{text} (default: %(default)s)",
    )


SERVING = (
    _option(
        "-b",
        "--bind",
        action="append",
        metavar="ADDRESS",
        help="listen on HOST:PORT, :PORT, [IPV6]:PORT, unix:/path or fd:N; repeatable "
        "(default: the sockets that systemd passed, or 127.0.0.1:8000)",
    ),
    _option(
        "--no-http",
        dest="http",
        action="store_false",
        help="serve WebSockets only, for example behind a web server that serves the pages",
    ),
    _option(
        "--server-name",
        default="",
        metavar="TEXT",
        help="send this Server header with responses (default: none)",
    ),
    _option(
        "--ssl-certfile", metavar="FILE", help="serve over TLS with this certificate chain, PEM"
    ),
    _option("--ssl-keyfile", metavar="FILE", help="the certificate's key, PEM"),
    _option("--ssl-keyfile-password", metavar="TEXT", help="the password of that key"),
)

PROXY = (
    _option(
        "--root-path",
        default="",
        metavar="PATH",
        help="the prefix under which a proxy serves the project, whether or not the proxy strips "
        "it",
    ),
    _option(
        "--forwarded-allow-ips",
        default="",
        metavar="LIST",
        help="proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted: addresses or "
        "networks, separated by commas, 'unix' for unix sockets, '*' for all (default: none)",
    ),
)

PROCESSES = (
    _option(
        "-w",
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="worker processes; 0 is one per core (default: %(default)s)",
    ),
    _option(
        "--reload",
        action="store_true",
        help="restart workers when a source file changes, for development",
    ),
    _number(
        "max_requests",
        int,
        "N",
        "replace a worker that has answered this many requests, pages and WebSocket handshakes, as "
        "in a reload; 0 is no limit",
    ),
    _number(
        "max_requests_jitter",
        int,
        "N",
        "let each worker answer up to this many requests more, at random, so that workers are not "
        "replaced at the same time",
    ),
    _number(
        "workers_max_rss",
        int,
        "MIB",
        "replace a worker that takes more memory than this, in MiB, as in a reload; 0 is no limit",
    ),
    _number(
        "worker_timeout",
        float,
        "SECONDS",
        "replace a worker, or the hub, whose event loop is stuck for this long; 0 is no limit",
    ),
    _number(
        "startup_timeout",
        float,
        "SECONDS",
        "give up a start, or a reload, when a worker is not ready after this time; 0 is no limit",
    ),
)

STOPPING = (
    _number(
        "drain_seconds",
        float,
        "SECONDS",
        "a worker that ends closes its connections spread over this time; 0 closes all at once",
    ),
    _number("drain_code", int, "CODE", "a worker that ends closes its connections with this code"),
    _number(
        "shutdown_timeout",
        float,
        "SECONDS",
        "cancel applications that have not returned this long after their connections were closed",
    ),
)

TIMEOUTS = (
    _number(
        "handshake_timeout",
        float,
        "SECONDS",
        "time for a client to send its first request, and for the application to accept or deny it",
    ),
    _number(
        "close_timeout",
        float,
        "SECONDS",
        "time for the closing handshake, and for the application to return after a disconnect",
    ),
    _number("ping_interval", float, "SECONDS", "time between keepalive pings; 0 sends none"),
    _number(
        "ping_timeout",
        float,
        "SECONDS",
        "close a WebSocket whose client does not answer a keepalive ping in this time",
    ),
    _number(
        "write_timeout",
        float,
        "SECONDS",
        "close a WebSocket whose client reads nothing of what waits for it for this long; "
        "0 is no limit",
    ),
    _number(
        "idle_timeout",
        float,
        "SECONDS",
        "close a WebSocket, with code 1001, whose client sends no message for this long; "
        "0 is no limit",
    ),
    _number(
        "keep_alive_timeout",
        float,
        "SECONDS",
        "close an HTTP connection that is idle for this long between two requests; it must be more "
        "than a proxy in front allows",
    ),
)

LIMITS = (
    _number(
        "max_connections",
        int,
        "N",
        "connections that all workers together may have, WebSockets and others; 0 is no limit",
    ),
    _number(
        "max_connections_per_address",
        int,
        "N",
        "WebSockets that one client address may have at all workers together, else it gets a 429; "
        "0 is no limit",
    ),
    _number(
        "max_connection_rate",
        float,
        "PER_SECOND",
        "WebSockets that one client address may open on average, else it gets a 429; 0 is no limit",
    ),
    _number(
        "connection_burst",
        int,
        "N",
        "WebSockets that one client address may open at once after a quiet time",
    ),
    _number(
        "max_message_rate",
        float,
        "PER_SECOND",
        "messages and pings that a client may send on average, else it is closed with 1008; "
        "0 is no limit",
    ),
    _number(
        "message_burst",
        int,
        "N",
        "messages and pings that a client may send at once after a quiet time",
    ),
    _number(
        "max_message_size",
        int,
        "BYTES",
        "size of the largest message that a client may send; 0 is no limit",
    ),
)

COMPRESSION = (
    _option(
        "--no-compression",
        dest="compression",
        action="store_false",
        help="do not compress messages for clients that offer it",
    ),
    _number("compress_from", int, "BYTES", "size of the smallest message that is compressed"),
)

MONITORING = (
    _option(
        "--metrics",
        metavar="ADDRESS",
        help="serve /metrics for Prometheus, /healthz and /readyz on HOST:PORT or unix:/path; for "
        "your own network only (default: nowhere)",
    ),
    _option(
        "--control",
        type=Path,
        metavar="PATH",
        help="the socket where websockets_status finds this server (default: one in a directory of "
        "the project's own that only its user can enter)",
    ),
    _option(
        "--no-access-log",
        dest="access_log",
        action="store_false",
        help="write no line for each page served and each WebSocket opened and closed",
    ),
    _option(
        "--access-log-format",
        default="text",
        metavar="FORMAT",
        help="the form of these lines: text, json, or a template such as "
        "'{client} {path} {status}' (default: %(default)s)",
    ),
)

GROUPS: dict[str, tuple[Option, ...]] = {
    "serving": SERVING,
    "proxy": PROXY,
    "processes": PROCESSES,
    "stopping": STOPPING,
    "timeouts": TIMEOUTS,
    "limits": LIMITS,
    "compression": COMPRESSION,
    "monitoring": MONITORING,
}


#: All options, by name.
OPTIONS = {option.name: option for options in GROUPS.values() for option in options}

#: What ``--help`` says after the options.
ELSEWHERE = (
    "Each option can also be given in the environment, as WEBSOCKETS_SERVER_PING_INTERVAL=30 or "
    "WEBSOCKETS_SERVER_ACCESS_LOG=no, and in the settings, as WEBSOCKETS_SERVER = "
    '{"ping_interval": 30, "access_log": False}. Where no address is given, PORT=8000 in the '
    "environment is -b 0.0.0.0:8000; WEB_CONCURRENCY=4 is -w 4. The command line counts before the "
    "environment, and that before the settings."
)


def add_options(parser: CommandParser) -> None:
    """Add the options to a command's parser; those that are not given become None."""
    parser.usage, parser.epilog = "%(prog)s [options]", ELSEWHERE
    for title, options in GROUPS.items():
        group = parser.add_argument_group(title)
        for option in options:
            text = option.keywords["help"].replace("%(default)s", str(option.default))
            keywords = {**option.keywords, "default": None, "help": text}
            group.add_argument(*option.flags, **keywords)
