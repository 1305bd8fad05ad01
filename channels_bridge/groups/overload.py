"""What is dropped because somebody doesn't keep up: counted, and logged now and then."""

from __future__ import annotations

import logging
import time

__all__ = ["Overload"]

logger = logging.getLogger("channels_bridge.groups")

# One line in so many seconds, however much is dropped.
LOG_INTERVAL = 10


class Overload:
    """Counts dropped messages.

    The first of them is an INFO line, in the words of channels_redis. Where it goes on, a WARNING
    tells how many there were, and names one who doesn't keep up.

    Attributes:
        dropped: how many since the process began.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._unlogged = 0
        self._last_log = float("-inf")

    def note(self, group: str, full: list[str], members: int) -> None:
        """A message to a group was dropped for some of its members.

        Args:
            full: the channels that had no room.
            members: how many channels of this process are in the group.
        """
        self.dropped += len(full)
        self._unlogged += len(full)
        now = time.monotonic()
        if now - self._last_log < LOG_INTERVAL:
            return
        if now - self._last_log < 2 * LOG_INTERVAL:
            logger.warning(
                "channel %s is full: %d messages to groups dropped since the last such line",
                full[0],
                self._unlogged,
            )
        else:
            logger.info("%d of %d channels over capacity in group %s", len(full), members, group)
        self._unlogged = 0
        self._last_log = now
