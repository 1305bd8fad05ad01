"""Where the server's log lines go when the project does not say so."""

from __future__ import annotations

import logging

from django.conf import settings


def configure_logging() -> None:
    """Show this package's lines from INFO on in the console, unless LOGGING covers them already."""
    _enable()
    package = logging.getLogger("channels_bridge")
    if package.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("[{asctime}] {levelname} {message}", style="{"))
    package.addHandler(handler)
    package.setLevel(logging.INFO)


def _enable() -> None:
    """Undo what LOGGING does by default to loggers that were there before it: it disables them.

    The server's are, as the server sets Django up. Those that LOGGING names are its own business.
    """
    named = settings.LOGGING.get("loggers", {}) if settings.LOGGING else {}
    for name, logger in logging.root.manager.loggerDict.items():
        ours = name.partition(".")[0] == "channels_bridge" and name not in named
        if ours and isinstance(logger, logging.Logger):
            logger.disabled = False
