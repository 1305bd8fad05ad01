"""Access lines of ``runserver``, on the console of whoever develops."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.core.management.color import Style

from channels_bridge.server.access_log import AccessLog, Visitor, client_name, printable

# The logger of Channels' runserver, which projects name in LOGGING.
logger = logging.getLogger("django.channels.server")


class ConsoleLog(AccessLog):
    """The lines of Daphne's ``runserver``, in the colours of Django's."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self.style = style

    def handshaking(self, visitor: Visitor) -> None:
        self.websocket("HANDSHAKING", visitor, None, None)

    def websocket(
        self, action: str, visitor: Visitor, code: int | None, seconds: float | None
    ) -> None:
        logger.info("WebSocket %s %s [%s]", action, visitor.path, visitor.client)

    def http(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        details = {
            "method": scope["method"],
            "path": target(scope),
            "status": status,
            "time_taken": seconds,
            "client": client_name(scope["client"]),
        }
        colour = self._colour(status)
        text = colour("HTTP %(method)s %(path)s %(status)s [%(time_taken).2f, %(client)s]")
        level = logging.ERROR if status >= 500 else logging.WARNING
        logger.log(level if status >= 400 else logging.INFO, text, details)

    def _colour(self, status: int) -> Any:
        named = {304: self.style.HTTP_NOT_MODIFIED, 404: self.style.HTTP_NOT_FOUND}
        by_class = {
            1: self.style.HTTP_INFO,
            2: self.style.HTTP_SUCCESS,
            3: self.style.HTTP_REDIRECT,
            4: self.style.HTTP_BAD_REQUEST,
        }
        return named.get(status) or by_class.get(status // 100, self.style.HTTP_SERVER_ERROR)


def target(scope: Mapping[str, Any]) -> str:
    """The request target, query included."""
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return printable((path + b"?" + query if query else path).decode("latin-1"))
