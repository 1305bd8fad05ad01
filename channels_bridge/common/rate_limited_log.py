"""Rate-limited log lines, for what clients or peers may cause as often as they like."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass
from math import inf
from weakref import WeakSet

#: Seconds between two lines of one kind.
INTERVAL = 10.0

#: Kinds that are remembered, those that occurred last. A client may be able to make up new ones.
MAX_KINDS = 256


@dataclass(slots=True)
class _Kind:
    last: float = -inf  # time of the last line
    suppressed: int = 0  # occurrences since then


class Notices:
    """A logger's lines, at most one of each kind per interval. Any thread may call it.

    Args:
        logger: where the lines go.
        interval: seconds between two lines of one kind; ``math.inf``: each kind has one line only,
            as long as it is remembered.
        spacing: seconds between any two lines, for kinds that are made up by clients. A new kind
            that comes sooner is not remembered, and has its line another time.
    """

    def __init__(
        self,
        logger: logging.Logger,
        *,
        interval: float = INTERVAL,
        spacing: float = 0,
    ) -> None:
        self._logger = logger
        self._interval = interval
        self._spacing = spacing
        self._kinds: dict[Hashable, _Kind] = {}  # in the order of their last occurrence
        self._last = -inf  # time of the last line of any kind
        # Consumers run in threads, too. Nothing is logged under it, so that it is never held long.
        # Reentrant: a signal handler may have something to log while its thread does.
        self._lock = threading.RLock()
        _all.add(self)

    def warn(self, kind: Hashable, message: str, *args: object) -> None:
        """Log ``message % args`` as a WARNING, if a line of this kind is due."""
        self.log(logging.WARNING, kind, message, *args)

    def log(self, level: int, kind: Hashable, message: str, *args: object) -> None:
        """Log ``message % args`` if a line of this kind is due.

        The line tells how many occurrences before it were suppressed.
        """
        suppressed = self.due(kind)
        if suppressed is None:
            return
        if suppressed:
            message += " (and %d more since the last such line)"
            args += (suppressed,)
        self._logger.log(level, message, *args)

    def due(self, kind: Hashable, count: int = 1) -> int | None:
        """Whether a line is due, for callers that word it themselves and log it then.

        Args:
            count: occurrences that this call stands for.

        Returns:
            How many occurrences were suppressed since the last line, without those of this call;
            ``None`` where this one is suppressed.
        """
        with self._lock:
            return self._take(kind, count)

    def renew_lock(self) -> None:
        """In a forked process: the thread that held the lock may not have come along."""
        self._lock = threading.RLock()

    def _take(self, kind: Hashable, count: int) -> int | None:
        now = time.monotonic()
        spaced = now - self._last >= self._spacing
        state = self._kinds.pop(kind, None)
        if state is None:
            if not spaced:
                return None
            state = _Kind()
            if len(self._kinds) >= MAX_KINDS:
                del self._kinds[next(iter(self._kinds))]
        self._kinds[kind] = state
        if not spaced or now - state.last < self._interval:
            state.suppressed += count
            return None
        suppressed, state.suppressed = state.suppressed, 0
        state.last = self._last = now
        return suppressed


_all: WeakSet[Notices] = WeakSet()


def _renew_locks() -> None:
    for notices in _all:
        notices.renew_lock()


os.register_at_fork(after_in_child=_renew_locks)
