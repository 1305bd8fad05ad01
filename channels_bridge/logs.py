"""Logging: console output by default, and a JSON formatter."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from logging import StreamHandler

from django.conf import settings

#: The logger of access lines.
ACCESS = "channels_bridge.access"

_LINE = "[{asctime}] {levelname} {message}"


class JsonFormatter(logging.Formatter):
    """Writes each record as a line of JSON.

    In ``LOGGING``::

        "formatters": {"json": {"()": "channels_bridge.logs.JsonFormatter"}},

    A line has ``time`` (UTC, ISO 8601), ``level``, ``logger`` and ``message``, and ``exception``
    with the traceback where there is one. Access lines have their fields in place of the message:
    see ``channels_bridge.server.access_log``.
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


def configure_logging(access_format: str = "text", level: int = logging.INFO) -> None:
    """Show this package's lines in the console, unless LOGGING has a place for them already.

    Loggers that LOGGING names are left as they are. By default LOGGING disables all others, each
    time that it is applied; this package's can't be disabled any more.

    Args:
        access_format: of access lines; those of another format than ``text`` have nothing before
            or after them in the console.
        level: the lowest level that is shown.
    """
    package, access = logging.getLogger("channels_bridge"), logging.getLogger(ACCESS)
    named = settings.LOGGING.get("loggers", {}) if settings.LOGGING else {}
    for name, logger in logging.root.manager.loggerDict.items():
        ours = name.partition(".")[0] == "channels_bridge" and name not in named
        if ours and isinstance(logger, logging.Logger):
            logger.disabled = False
            if type(logger) is logging.Logger:
                logger.__class__ = _Lasting
    if package.name in named:
        return
    if package.getEffectiveLevel() > level:
        package.setLevel(level)
    if any(_takes(handler, level) for handler in _handlers(package)):
        return
    _show(package, _LINE)
    if access_format != "text" and not access.handlers:
        access.propagate = False
        _show(access, "{message}")


def show_lines() -> None:
    """Show this package's lines in the console, in a process that may have no settings."""
    package = logging.getLogger("channels_bridge")
    package.setLevel(logging.INFO)
    _show(package, _LINE)


class _Lasting(logging.Logger):
    """A logger that stays enabled."""

    @property
    def disabled(self) -> bool:
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        """Ignored: LOGGING disables all loggers that it does not name."""


def _handlers(logger: logging.Logger | None) -> Iterator[logging.Handler]:
    """The handlers that get a logger's records."""
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _takes(handler: logging.Handler, level: int) -> bool:
    """Tell whether a handler shows lines of a level, as far as that can be known."""
    if isinstance(handler, logging.NullHandler):
        return False
    line = logging.LogRecord("channels_bridge.server", level, __file__, 0, "", None, None)
    return level >= handler.level and bool(handler.filter(line))


def _show(logger: logging.Logger, text: str) -> None:
    others = [handler for handler in _handlers(logger) if isinstance(handler, StreamHandler)]
    handler = StreamHandler()
    handler.setFormatter(logging.Formatter(text, style="{"))
    # What another stream or file shows, such as warnings, is not shown twice.
    handler.addFilter(lambda record: not any(_takes(other, record.levelno) for other in others))
    logger.addHandler(handler)
