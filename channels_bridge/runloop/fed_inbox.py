"""An inbox with a feed: what a consumer reads whose groups have history.

While it is live all comes by the inbox. While it is behind, what waits there comes first, as it was
sent before; then the inbox and the feed take turns, so that neither a client that sends without end
nor groups without history keep it from catching up.
"""

from __future__ import annotations

from typing import cast

from channels_bridge.groups.history.feed import Feed
from channels_bridge.server.asgi_types import Event
from channels_bridge.server.websocket.inbox import Inbox


class FedInbox:
    """Reads from both.

    Args:
        inbox: where messages go while the member is live, and socket events.
        feed: where the others are.
    """

    __slots__ = ("_ahead", "_feed", "_feed_is_next", "_inbox")

    def __init__(self, inbox: Inbox, feed: Feed) -> None:
        self._inbox = inbox
        self._feed = feed
        self._ahead: int | None = None  # what waited in the inbox as it fell behind; None: live
        self._feed_is_next = True

    async def get(self) -> Event:
        """Take the next event or message, waiting for one if need be. Cancelling it loses none."""
        while True:
            event = self.pop()
            if event is not None:
                return event
            await self._inbox.wait()

    def pop(self) -> Event | None:
        """Take the next event or message; None where there is none, or others are to go first.

        After None, call ``wait()`` of the inbox.
        """
        if self._feed.is_behind:
            return self.pop_behind()
        return self._inbox.pop()

    def pop_behind(self) -> Event | None:
        """Do the same for a member that is behind."""
        inbox = self._inbox
        if self._ahead is None:
            self._ahead = inbox.waiting
        if self._ahead or not self._feed_is_next:
            event = inbox.pop()
            if event is not None:
                self._ahead = max(self._ahead - 1, 0)
                self._feed_is_next = True
                return event
            if inbox.waiting:
                return None  # others are to go first
            self._ahead = 0
        fed = self._feed.take()
        self._feed_is_next = False
        if not self._feed.is_behind:
            self._ahead = None
        return cast("Event", fed) if fed is not None else inbox.pop()
