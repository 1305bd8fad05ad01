"""Where the server's log lines go when the project does not say so."""

from __future__ import annotations

import logging


def configure_logging() -> None:
    """Show this package's lines from INFO on in the console, unless LOGGING covers them already."""
    package = logging.getLogger("channels_bridge")
    if package.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("[{asctime}] {levelname} {message}", style="{"))
    package.addHandler(handler)
    package.setLevel(logging.INFO)
