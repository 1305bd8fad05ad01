"""The access log: a line for each page served, and for each WebSocket opened, closed or rejected.

They go to the logger ``channels_bridge.access``, at INFO. Tokens and session keys are not in them:
no query strings, no headers but ``User-Agent``. What a client sent is escaped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from channels_bridge.server.access_format import FIELDS, parse_format
from channels_bridge.server.asgi_types import Application, Event, Receive, Send

logger = logging.getLogger("channels_bridge.access")


#: In the place of the status where nothing was answered: nginx's number for it.
CLIENT_LEFT = 499

#: Characters of a ``User-Agent`` that are logged.
MAX_AGENT = 200


@dataclass(frozen=True)
class Visitor:
    """The client of a WebSocket and its path, as log lines may show them."""

    path: str
    client: str
    agent: str

    @classmethod
    def of(cls, path: str, client: str, headers: Iterable[tuple[bytes, bytes]]) -> Visitor:
        """The visitor whose handshake had these headers."""
        return cls(path, client, agent_name(headers))


class AccessLog:
    """Writes the lines of ``websockets_server``; ``runserver`` has words of its own.

    Args:
        format: ``text``, ``json``, or a template; see ``parse_format()``.
    """

    def __init__(self, format: str = "text") -> None:
        self._format = parse_format(format)

    def handshaking(self, visitor: Visitor) -> None:
        """A handshake came in. What became of it is told by the next line for this client."""

    def websocket(
        self, action: str, visitor: Visitor, code: int | None, seconds: float | None
    ) -> None:
        """A WebSocket was opened, closed or rejected.

        Args:
            action: CONNECT, DISCONNECT or REJECT.
            visitor: whose it is.
            code: the close code or the HTTP status, where there is one.
            seconds: for how long it was open, at its end.
        """
        self._write(
            event=action.lower(),
            path=visitor.path,
            status=code if action == "REJECT" else None,
            code=code if action == "DISCONNECT" else None,
            seconds=seconds,
            client=visitor.client,
            agent=visitor.agent,
        )

    def http(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        """A page was served, or an application failed to serve it.

        Spec deviation: Daphne and uvicorn write the query too, which may hold a token.
        """
        self._write(
            event="http",
            method=scope["method"],
            path=printable(scope["raw_path"].decode("latin-1")),
            status=status,
            seconds=seconds,
            client=client_name(scope["client"]),
            agent=agent_name(scope["headers"]),
        )

    def _write(self, seconds: float | None, **values: Any) -> None:
        if not logger.isEnabledFor(logging.INFO):
            return
        values["seconds"] = None if seconds is None else round(seconds, 3)
        values["time"] = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        fields = {name: values[name] for name in FIELDS if values.get(name) not in (None, "")}
        logger.info("%s", self._format(fields), extra={"access": fields})


def printable(text: str) -> str:
    """Escape text of a client's making for a log line.

    It can't begin another line, or paint the console (as in Django's CVE-2025-48432).
    """
    return text.encode("unicode_escape").decode("ascii")


def client_name(client: tuple[str, int] | None) -> str:
    """``host:port`` of a client; ``-`` where it has no address, as on a unix socket."""
    return "-" if client is None else f"{printable(client[0])}:{client[1]}"


def agent_name(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The ``User-Agent`` of a request; empty where there is none."""
    for name, value in headers:
        if name == b"user-agent":
            return printable(value[:MAX_AGENT].decode("latin-1"))
    return ""


def logged(application: Application, log: AccessLog) -> Application:
    """Wrap an HTTP application: its responses are logged once they are complete."""

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
