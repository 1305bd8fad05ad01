"""The options of ``websockets_server``, in the groups of its ``--help``.

This table is the one place for them: the command line, the environment and the setting
``WEBSOCKETS_SERVER`` read it (``option_sources``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from django.core.management.base import CommandParser

from channels_bridge.project.options.option_numbers import NUMBERS, argument_type
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
    def example(self) -> str:
        """A value that can be written in place of one that can't."""
        return "4, or 0 for one per core" if self.name == "workers" else str(self.default)

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
        help=f"{text} Default: %(default)s.",
    )


LISTENING = (
    _option(
        "-b",
        "--bind",
        action="append",
        metavar="ADDRESS",
        help="Listen on HOST:PORT, :PORT, [IPV6]:PORT, unix:/path or fd:N; can be given several "
        "times. Default: the sockets that systemd passed, or 127.0.0.1:8000.",
    ),
    _option(
        "--no-http",
        dest="http",
        action="store_false",
        help="Serve WebSockets only, for example behind a web server that serves the pages.",
    ),
    _option(
        "--server-name",
        default="",
        metavar="TEXT",
        help="Send this Server header with responses. Default: none.",
    ),
)

PROXY_AND_TLS = (
    _option(
        "--root-path",
        default="",
        metavar="PATH",
        help="Serve the project under this prefix of a proxy in front, whether or not the proxy "
        "strips it.",
    ),
    _option(
        "--forwarded-allow-ips",
        default="",
        metavar="LIST",
        help="Trust X-Forwarded-For and X-Forwarded-Proto of these proxies: addresses or networks, "
        "separated by commas, 'unix' for unix sockets, '*' for all. Default: none.",
    ),
    _option(
        "--ssl-certfile",
        metavar="FILE",
        help="Serve over TLS with the certificate chain in this PEM file.",
    ),
    _option(
        "--ssl-keyfile",
        metavar="FILE",
        help="Take the certificate's key from this PEM file. Default: that of the certificate.",
    ),
    _option(
        "--ssl-keyfile-password",
        metavar="TEXT",
        help="Decrypt the certificate's key with this password.",
    ),
)

WORKERS = (
    _option(
        "-w",
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="Start this many worker processes; 0 is one per core. Default: %(default)s.",
    ),
    _option(
        "--reload",
        action="store_true",
        help="Restart workers when a source file changes, for development.",
    ),
    _number(
        "max_requests",
        int,
        "N",
        "Replace a worker that has answered this many requests, pages and WebSocket handshakes, as "
        "in a reload; 0 is no limit.",
    ),
    _number(
        "max_requests_jitter",
        int,
        "N",
        "Let each worker answer up to this many requests more than --max-requests, at random, so "
        "that workers are not replaced at the same time.",
    ),
    _number(
        "workers_max_rss",
        int,
        "MIB",
        "Replace a worker that takes more memory than this, in MiB, as in a reload; 0 is no limit.",
    ),
    _number(
        "worker_timeout",
        float,
        "SECONDS",
        "Replace a worker, or the hub, whose event loop is stuck for this long; 0 is no limit.",
    ),
    _number(
        "startup_timeout",
        float,
        "SECONDS",
        "Give up a start, or a reload, when a worker is not ready after this time; 0 is no limit.",
    ),
)

SHUTDOWN = (
    _number(
        "drain_seconds",
        float,
        "SECONDS",
        "Spread the closes of a worker that ends over this time; 0 closes all connections at once.",
    ),
    _number(
        "drain_code",
        int,
        "CODE",
        "Close WebSockets of a worker that ends with this close code.",
    ),
    _number(
        "shutdown_timeout",
        float,
        "SECONDS",
        "Cancel applications that have not returned this long after their connections were closed.",
    ),
)

TIMEOUTS = (
    _number(
        "handshake_timeout",
        float,
        "SECONDS",
        "Give clients this time to send a first request, and the application this time to accept "
        "or deny it.",
    ),
    _number(
        "close_timeout",
        float,
        "SECONDS",
        "Give clients this time for the closing handshake, and the application this time to return "
        "after a disconnect.",
    ),
    _number(
        "ping_interval",
        float,
        "SECONDS",
        "Send keepalive pings to WebSockets with this time between two; 0 sends none.",
    ),
    _number(
        "ping_timeout",
        float,
        "SECONDS",
        "Close a WebSocket whose client does not answer a keepalive ping in this time.",
    ),
    _number(
        "write_timeout",
        float,
        "SECONDS",
        "Close a WebSocket whose client reads nothing of what waits for it for this long; "
        "0 is no limit.",
    ),
    _number(
        "idle_timeout",
        float,
        "SECONDS",
        "Close a WebSocket, with code 1001, whose client sends no message for this long; "
        "0 is no limit.",
    ),
    _number(
        "keep_alive_timeout",
        float,
        "SECONDS",
        "Close an HTTP connection that is idle for this long between two requests; it must be more "
        "than a proxy in front allows.",
    ),
)

LIMITS = (
    _number(
        "max_connections",
        int,
        "N",
        "Let all workers together have this many connections, WebSockets and others; 0 is no "
        "limit.",
    ),
    _number(
        "max_connections_per_address",
        int,
        "N",
        "Let one client address have this many WebSockets at all workers together, and answer "
        "others with 429; 0 is no limit.",
    ),
    _number(
        "max_connection_rate",
        float,
        "PER_SECOND",
        "Let one client address open this many WebSockets in a second on average, and answer "
        "others with 429; 0 is no limit.",
    ),
    _number(
        "connection_burst",
        int,
        "N",
        "Let one client address open this many WebSockets at once after a quiet time, where "
        "--max-connection-rate limits them.",
    ),
    _number(
        "max_message_rate",
        float,
        "PER_SECOND",
        "Close with 1008 a client that sends more messages and pings in a second, on average; "
        "0 is no limit.",
    ),
    _number(
        "message_burst",
        int,
        "N",
        "Let a client send this many messages and pings at once after a quiet time, where "
        "--max-message-rate limits them.",
    ),
    _number(
        "max_message_size",
        int,
        "BYTES",
        "Close with 1009 a client that sends a larger message; 0 is no limit.",
    ),
)

COMPRESSION = (
    _option(
        "--no-compression",
        dest="compression",
        action="store_false",
        help="Do not compress messages for clients that offer it.",
    ),
    _number("compress_from", int, "BYTES", "Compress messages that have at least this size."),
)

LOGS = (
    _option(
        "--no-access-log",
        dest="access_log",
        action="store_false",
        help="Write no line for each page served and each WebSocket opened and closed.",
    ),
    _option(
        "--access-log-format",
        default="text",
        metavar="FORMAT",
        help="Write these lines as text, as json, or by a template such as "
        "'{client} {path} {status}'. Default: %(default)s.",
    ),
)

MONITORING = (
    _option(
        "--metrics",
        metavar="ADDRESS",
        help="Serve /metrics for Prometheus, /healthz and /readyz on HOST:PORT or unix:/path; for "
        "your own network only. Default: nowhere.",
    ),
    _option(
        "--control",
        type=Path,
        metavar="PATH",
        help="Answer websockets_status on this socket. Default: one in a directory of the "
        "project's own that only its user can enter.",
    ),
)

GROUPS: dict[str, tuple[Option, ...]] = {
    "Listening": LISTENING,
    "Proxy and TLS": PROXY_AND_TLS,
    "Workers": WORKERS,
    "Shutdown": SHUTDOWN,
    "Timeouts": TIMEOUTS,
    "Limits": LIMITS,
    "Compression": COMPRESSION,
    "Logs": LOGS,
    "Monitoring": MONITORING,
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
            if option.kind in NUMBERS:
                keywords["type"] = argument_type(option.kind, option.example)
            group.add_argument(*option.flags, **keywords)
