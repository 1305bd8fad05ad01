"""The server's configuration, validated on construction.

The command line, settings and tests all build this one object.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf
from typing import TypeAlias

from channels_bridge.server.access_format import parse_format
from channels_bridge.server.bind import Bind, parse_binds
from channels_bridge.server.errors import StartupError
from channels_bridge.server.proxy import NO_PROXY, Proxy
from channels_bridge.server.tls import Certificate

#: Numbers of which 0 means that there is no limit, or that nothing is done.
FloatOrOff: TypeAlias = float
IntOrOff: TypeAlias = int

# Whether a number may be 0, by its type.
_MAY_BE_ZERO = {"float": False, "int": False, "FloatOrOff": True, "IntOrOff": True}


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """Everything a worker and the supervisor need to know; picklable, validated on construction.

    Each default has a precedent, named beside it.

    Raises:
        StartupError: a value is out of range.
    """

    #: ``module:attribute`` of a function that returns an async context manager of the ASGI
    #: application. It is called with this object, before there is an event loop; what it returns
    #: is entered in the worker's loop, and left after the last connection closed.
    application: str

    #: For that function: the dotted path of the project's ASGI application, and, pickled, what else
    #: it needs to know of the process that started the server.
    asgi_application: str = ""
    surroundings: bytes = b""

    #: ``module:attribute`` of a function that adds to the engine's own figures in a worker's
    #: report: a ``Figures`` of ``worker/status_report.py``.
    figures: str = "channels_bridge.server.worker.status_report:no_figures"

    #: Where to listen. Daphne, uvicorn and runserver: 127.0.0.1:8000.
    binds: tuple[Bind, ...] = parse_binds(["127.0.0.1:8000"])

    #: Worker processes.
    workers: int = 1

    #: Seconds for a worker to be ready, or it is killed; 0: no limit. 60: twice gunicorn's
    #: ``--timeout``, which is the limit there, and less than systemd waits for a service. None with
    #: ``reload``.
    startup_timeout: FloatOrOff = 60

    #: Seconds for which the event loop of a child process may be stuck before it is killed and
    #: replaced; 0: no limit. 30: gunicorn's ``--timeout``. Not watched with ``reload``.
    worker_timeout: FloatOrOff = 30

    #: Requests, pages and handshakes, after which a worker is replaced, and up to how many more, at
    #: random; 0: no limit. gunicorn's and hypercorn's ``--max-requests`` and its jitter.
    max_requests: IntOrOff = 0
    max_requests_jitter: IntOrOff = 0

    #: MiB of memory above which a worker is replaced; 0: no limit. granian's.
    workers_max_rss: IntOrOff = 0

    #: Whether requests that aren't WebSocket handshakes go to the application's HTTP side.
    http: bool = True

    #: Restart workers when their source files change. For development.
    reload: bool = False

    #: The certificate that connections are encrypted with; None: plain.
    certificate: Certificate | None = None

    #: What a proxy in front passes on. Nothing is believed by default, as in Daphne.
    proxy: Proxy = NO_PROXY

    #: A line for each page served and each WebSocket opened and closed.
    access_log: bool = True

    #: How these lines look: ``text``, ``json`` or a template; see ``access_format.parse_format()``.
    access_log_format: str = "text"

    #: The ``Server`` header of responses; empty: none, which tells attackers least.
    server_name: str = ""

    #: Seconds for a client to send its first request, and again for the application to accept or
    #: deny it. websockets' ``open_timeout``; Daphne allows 5, too few for a busy thread pool.
    handshake_timeout: float = 10

    #: Seconds for the closing handshake, and for the application to return once it was told of
    #: the disconnect. Daphne's ``--application-close-timeout``, websockets' ``close_timeout``.
    close_timeout: float = 10

    #: Seconds over which a worker that ends closes its connections; 0: all at once, as uvicorn.
    drain_seconds: FloatOrOff = 0

    #: The code that it closes them with: "going away" (RFC 6455, 7.4.1), as websockets.
    drain_code: int = 1001

    #: Seconds between the end of that and the cancellation of what still runs.
    shutdown_timeout: float = 10

    #: Seconds between keepalive pings (0: none), and to wait for each pong. 20 and 20: uvicorn.
    ping_interval: FloatOrOff = 20
    ping_timeout: float = 20

    #: Seconds in which a client that is behind must read something; then it is cut off. 0: no
    #: limit. nginx's ``send_timeout`` of 60 is for pages; here it is below what pings find out.
    write_timeout: FloatOrOff = 30

    #: Seconds without a message from the client, after which it is closed; 0: no limit, as with
    #: all peers. Answers to pings don't count.
    idle_timeout: FloatOrOff = 0

    #: Seconds that an HTTP connection may be idle between two requests. 75: nginx. A proxy in front
    #: that closes its own sooner, as most do after 60, never sends a request into our close.
    keep_alive_timeout: float = 75

    #: Connections of all kinds, over all workers; 0: no limit but the system's. uvicorn's
    #: ``--limit-concurrency``.
    max_connections: IntOrOff = 0

    #: WebSockets of one client address, over all workers; 0: no limit. What counts as one
    #: address, ``admission.address_key()`` says.
    max_connections_per_address: IntOrOff = 0

    #: WebSockets per second that one client address may open on average (0: no limit), and how many
    #: at once after a quiet time.
    max_connection_rate: FloatOrOff = 0
    connection_burst: int = 20

    #: A private directory for sockets between processes of the server; empty: one is made where the
    #: system has temporary files.
    runtime_dir: str = ""

    #: The socket on which workers ask about addresses; set by the supervisor.
    ledger: str = ""

    #: Messages and pings per second that a client may send on average (0: no limit), and how many
    #: at once after a quiet time.
    max_message_rate: FloatOrOff = 0
    message_burst: int = 100

    #: Bytes of one incoming message; 0: no limit. 1 MiB: Daphne since CVE-2026-44545, websockets.
    max_message_size: IntOrOff = 2**20

    #: Bytes of one incoming frame; 0: no limit but the message's.
    max_frame_size: IntOrOff = 0

    #: Whether messages are compressed where the client offers it, as browsers do.
    compression: bool = True

    #: Bytes from which a message is compressed: below, it costs more than it saves. ws of Node.js.
    compress_from: IntOrOff = 1024

    #: Bytes of a request's head. 64 KiB: h11, and more than nginx or Apache pass on by default.
    max_head_size: int = 2**16

    def __post_init__(self) -> None:
        parse_format(self.access_log_format)
        for field in fields(self):
            if field.type in _MAY_BE_ZERO:
                self._require_number(field.name, _MAY_BE_ZERO[field.type])
        self._require_close_code()

    def _require_close_code(self) -> None:
        # Not sooner: the supervisor and hubs are given a configuration, but never make one.
        from websockets.exceptions import ProtocolError
        from websockets.frames import Close

        try:
            Close(self.drain_code, "").check()
        except ProtocolError:
            raise StartupError(
                f"drain_code must be a close code that may be sent, such as 1001, 1012 or one "
                f"from 3000 to 4999, not {self.drain_code}"
            ) from None

    def _require_number(self, name: str, may_be_zero: bool) -> None:
        value = getattr(self, name)
        if not (0 < value < inf or (value == 0 and may_be_zero)):
            allowed = "0 or more" if may_be_zero else "a number above 0"
            raise StartupError(f"{name} must be {allowed}, not {value}")
