"""A logger for the ``websockets`` protocol, which would log what clients send.

Its own, ``websockets.server``, has cookies, tokens, queries and texts of messages at DEBUG, and at
INFO a line for each connection that is opened or closed, beside ours.
"""

from __future__ import annotations

import logging
import traceback

logger = logging.getLogger("channels_bridge.server")


def quiet_logger() -> logging.Logger:
    """Return a logger for errors only, which go to ``channels_bridge.server``.

    It has no place in the hierarchy of loggers, so that no level of another one opens it.
    """
    quiet = logging.Logger(logger.name, logging.ERROR)
    quiet.parent = logger
    quiet.addFilter(_without_words)
    return quiet


def _without_words(record: logging.LogRecord) -> bool:
    """Leave of an exception where it was raised; its message may quote the client."""
    if record.exc_info and record.exc_info[1] is not None:
        kind, _, frames = record.exc_info
        record.exc_info = None
        where = "".join(traceback.format_tb(frames)).rstrip()
        record.msg, record.args = "%s: %s\n%s", (record.getMessage(), kind.__name__, where)
    return True
