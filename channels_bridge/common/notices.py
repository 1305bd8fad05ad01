"""Log lines about what clients do, who may do it as often as they like."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from math import inf

logger = logging.getLogger("channels_bridge.server")

#: Seconds between two lines of one kind.
INTERVAL = 10.0


@dataclass(slots=True)
class _Kind:
    last: float = -inf  # time of the last line
    silent: int = 0  # occurrences since then


class Notices:
    """Warnings of which there is one of each kind in ``INTERVAL`` seconds.

    A line names the occurrence that it is written for, and the number of those before it that had
    none.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def warn(self, kind: str, message: str, *args: object) -> None:
        """Log ``message % args``, unless there was such a line just now.

        Args:
            kind: one of a few fixed words.
        """
        state = self._kinds.setdefault(kind, _Kind())
        now = time.monotonic()
        if now - state.last < INTERVAL:
            state.silent += 1
            return
        if state.silent:
            message += " (and %d more since the last such line)"
            args += (state.silent,)
        logger.warning(message, *args)
        state.last, state.silent = now, 0
