"""Where the server's log lines go, and how they look."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone

from django.conf import settings

#: The logger of access lines.
ACCESS = "channels_bridge.access"


class JsonFormatter(logging.Formatter):
    """Writes each record as a line of JSON; for LOGGING::

        "formatters": {"json": {"()": "channels_bridge.logs.JsonFormatter"}},

    A line has ``time`` (UTC, ISO 8601), ``level``, ``logger`` and ``message``, and ``exception``
    with the traceback where there is one. Access lines have their fields in place of the message:
    see ``channels_bridge.server.access``.
    """

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, timezone.utc)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
        }
        line |= getattr(record, "access", None) or {"message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logging(access_format: str = "text") -> None:
    """Show this package's lines from INFO on in the console, unless LOGGING covers them already.

    Args:
        access_format: of access lines; those of another format than ``text`` have nothing before
            or after them in the console.
    """
    _enable()
    package, access = logging.getLogger("channels_bridge"), logging.getLogger(ACCESS)
    if package.hasHandlers():
        return
    _show(package, "[{asctime}] {levelname} {message}")
    package.setLevel(logging.INFO)
    if access_format != "text" and not access.handlers:
        _show(access, "{message}")
        access.propagate = False


def _show(logger: logging.Logger, text: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(text, style="{"))
    logger.addHandler(handler)


def _enable() -> None:
    """Undo what LOGGING does by default to loggers that were there before it: it disables them.

    The server's are, as the server sets Django up. Those that LOGGING names are its own business.
    """
    named = settings.LOGGING.get("loggers", {}) if settings.LOGGING else {}
    for name, logger in logging.root.manager.loggerDict.items():
        ours = name.partition(".")[0] == "channels_bridge" and name not in named
        if ours and isinstance(logger, logging.Logger):
            logger.disabled = False
