"""What is dropped because somebody doesn't keep up: counted, and logged now and then."""

import logging
import time

__all__ = ["Overload"]

logger = logging.getLogger("channels_bridge.groups")

# One line in so many seconds, however much is dropped.
LOG_INTERVAL = 10


class Overload:
    """
    Counts dropped messages.

    Attributes:
        dropped: how many since the process began.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._unlogged = 0
        self._next_log = 0.0

    def note(self, channel: str) -> None:
        """One message for `channel` was dropped."""
        self.dropped += 1
        self._unlogged += 1
        now = time.monotonic()
        if now >= self._next_log:
            logger.warning(
                "channel %s is full: %d messages to groups dropped since the last such line",
                channel,
                self._unlogged,
            )
            self._unlogged = 0
            self._next_log = now + LOG_INTERVAL
