"""A consumer's queue as groups see it, and what they do where it is full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from channels_bridge.groups.shared_frames import Sharing

__all__ = ["OVERFLOW", "Inbox", "Policy"]


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
