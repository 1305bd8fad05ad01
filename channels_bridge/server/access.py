"""Access lines: one for each page served, one for each WebSocket opened, closed or rejected."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .inbox import Event

if TYPE_CHECKING:
    from .context import Application, Receive, Send

logger = logging.getLogger("channels_bridge.access")


#: In the place of the status where nothing was answered: nginx's number for it.
CLIENT_LEFT = 499


class AccessLog:
    """The lines as ``websockets_server`` writes them; ``runserver`` has words of its own."""

    def handshaking(self, path: str, client: str) -> None:
        """A handshake came in; what became of it, the next line for this client says."""

    def websocket(self, action: str, path: str, client: str, code: int | None) -> None:
        """A WebSocket changed.

        Args:
            action: CONNECT, DISCONNECT or REJECT.
            path: of the handshake, without the query, as sent.
            client: ``host:port``, or ``-`` on a unix socket.
            code: the close code or the HTTP status, where there is one.
        """
        suffix = "" if code is None else f" {code:d}"
        logger.info("WebSocket %s %s [%s]%s", action, path, client, suffix)

    def http(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        """A page was served, or an application failed to serve it."""
        logger.info(
            "HTTP %s %s %d [%.3f s, %s]",
            scope["method"],
            target(scope),
            status,
            seconds,
            client_name(scope["client"]),
        )


def printable(text: str) -> str:
    """Text of a client's making, for a log line: it can't begin another line, or paint the console
    (as Django's CVE-2025-48432)."""
    return text.encode("unicode_escape").decode("ascii")


def client_name(client: tuple[str, int] | None) -> str:
    return "-" if client is None else f"{client[0]}:{client[1]}"


def target(scope: Mapping[str, Any]) -> str:
    """What the client asked for, query included."""
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return printable((path + b"?" + query if query else path).decode("latin-1"))


def logged(application: Application, log: AccessLog) -> Application:
    """An HTTP application whose responses are noted in ``log`` once they are complete."""

    async def wrapper(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        status = CLIENT_LEFT
        started = time.perf_counter()

        async def noting(message: Event) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await application(scope, receive, noting)
        except Exception:
            status = 500  # what the server says where the application fails
            raise
        finally:
            log.http(scope, status, time.perf_counter() - started)

    return wrapper
