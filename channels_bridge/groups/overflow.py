"""Overflow: policies for a consumer whose queue is full, and the count of dropped messages."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from channels_bridge.common.rate_limited_log import INTERVAL, Notices
from channels_bridge.groups.shared_frames import Sharing

logger = logging.getLogger("channels_bridge.groups")

#: Seconds within which the next message that is dropped belongs to the same trouble.
EPISODE = 2 * INTERVAL


class Inbox(Protocol):
    """A consumer's queue, as groups need it: ``channels_bridge.server.websocket.inbox``."""

    capacity: int

    #: Sends what all members are sent alike; None where the consumer has no such handler.
    sharing: Sharing | None

    def put_message(self, message: Any, expires: float) -> bool: ...

    def drop_oldest(self) -> None: ...

    def overflow(self) -> None: ...


Policy = Callable[[Inbox, Any, float], None]
"""Called with a full inbox, the message to a group that it has no room for, and its expiry."""


def drop_newest(inbox: Inbox, message: Any, expires: float) -> None:
    """Leave the inbox as it is, as Channels does."""


def drop_oldest(inbox: Inbox, message: Any, expires: float) -> None:
    """Make room, for consumers to whom only the present state matters."""
    inbox.drop_oldest()
    inbox.put_message(message, expires)


def close(inbox: Inbox, message: Any, expires: float) -> None:
    """Close the connection: its client had better begin anew than go on with a gap."""
    inbox.overflow()


#: By their name in a layer's CONFIG.
OVERFLOW: dict[str, Policy] = {
    "drop_newest": drop_newest,
    "drop_oldest": drop_oldest,
    "close": close,
}


class Overload:
    """Counts dropped messages.

    The first of them is an INFO line, in the words of channels_redis. Where it goes on, a WARNING
    tells how many there were, and names one who doesn't keep up.

    Attributes:
        dropped: how many since the process began.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._notices = Notices(logger)
        self._last_line = -inf

    def note(self, group: str, full: list[str], members: int) -> None:
        """A message to a group was dropped for some of its members.

        Args:
            full: the channels that had no room.
            members: how many channels of this process are in the group.
        """
        self.dropped += len(full)
        suppressed = self._notices.due("full", len(full))
        if suppressed is None:
            return
        now = time.monotonic()
        if now - self._last_line < EPISODE:
            logger.warning(
                "channel %s is full: %d messages to groups dropped since the last such line",
                full[0],
                suppressed + len(full),
            )
        else:
            logger.info("%d of %d channels over capacity in group %s", len(full), members, group)
        self._last_line = now
