"""The bounded queue of a connection: socket events and layer messages, in order of arrival.

Rules:

- It is used on one event loop, by one consumer; only ``Inbox.get`` waits.
- Socket events are never refused. ``Inbox.put_event`` says when the reader should pause
  (backpressure), and the producer is told when it may go on, so at most ``HIGH_WATER`` events and
  what one read brought wait here.
- Layer messages are refused once ``capacity`` of them wait: the newest is dropped, which is what
  the channel layer specification asks of a full channel. A layer that would rather do something
  else has ``Inbox.drop_oldest`` and ``Inbox.overflow``.
- A layer message that nobody took before its deadline is skipped; socket events do not expire.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator
from math import inf
from typing import Any, Protocol

from channels_bridge.server.asgi_types import Event

HIGH_WATER = 16  # as websockets' ``max_queue``
LOW_WATER = 4

#: Events in a row after which a busy consumer lets others on: one whose handlers never wait, and
#: whose own messages fill its inbox, would otherwise keep the loop for ever.
FAIR_SHARE = 64


class Producer(Protocol):
    """Who puts socket events into an inbox."""

    def inbox_drained(self) -> None:
        """Go on: the number of waiting events has fallen to ``LOW_WATER`` after a pause."""

    def inbox_overflown(self) -> None:
        """End the connection, if that can be done: messages for it would be lost."""


class Sharing(Protocol):
    """Deals with group messages for a consumer that waits here, without waking it up."""

    def __call__(self, made: dict[Any, Any], copies: Iterator[Event]) -> Event | None:
        """Take a group message.

        Args:
            made: what other members have made of this message; a cache for as long as it is sent.
            copies: the message, as often as it is asked for.

        Returns:
            What is to be put into the inbox; None where nothing is left to do.
        """


class Inbox:
    """A bounded queue with one consumer, on the running event loop.

    Args:
        producer: is told when to go on after ``put_event`` had asked for a pause. An object
            rather than two callbacks, which would be two bound methods for each connection.
    """

    __slots__ = (
        "_events",
        "_items",
        "_loop",
        "_messages",
        "_paused",
        "_producer",
        "_streak",
        "_waiter",
        "capacity",
        "sharing",
    )

    def __init__(self, producer: Producer | None = None) -> None:
        #: How many layer messages may wait. Set by the layer that the channel belongs to.
        self.capacity = 100
        #: Is given group messages before they come here, and may send them itself. Set by the run
        #: loop, for consumers whose members are all sent the same.
        self.sharing: Sharing | None = None
        self._loop = asyncio.get_running_loop()
        # (deadline or None, event). An empty deque takes a dozen times the memory of a list, for
        # each idle connection; and no more wait here than are quickly moved.
        self._items: list[tuple[float | None, Event]] = []
        self._events = 0
        self._messages = 0
        self._streak = 0  # events taken without waiting
        self._paused = False
        self._producer = producer
        self._waiter: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> int:
        """How many events and messages nobody has taken yet."""
        return len(self._items)

    def is_idle(self) -> bool:
        """Whether the consumer waits, and nothing waits for it."""
        return self._waiter is not None and not self._waiter.done()

    def put_event(self, event: Event) -> bool:
        """Add a socket event. Returns whether its producer should pause until it is told."""
        self._items.append((None, event))
        self._events += 1
        self.wake()
        # Once paused, until drained: LOW_WATER lies well below, so that reading is not paused and
        # resumed, at a system call each, with every event.
        self._paused = self._paused or self._events >= HIGH_WATER
        return self._paused

    def put_message(self, message: Event, expires: float = inf) -> bool:
        """Add a layer message.

        Args:
            message: what the consumer gets; it becomes the consumer's own.
            expires: ``time.monotonic()`` after which nobody wants it any more.

        Returns:
            False when ``capacity`` messages wait already: this one is dropped.
        """
        if self._messages >= self.capacity:
            return False
        self._items.append((expires, message))
        self._messages += 1
        self.wake()
        return True

    def drop_oldest(self) -> None:
        """Drop the layer message that has waited longest of those that expire, if there is one.

        One that does not is of a group with history: its member would have a gap without a word.
        """
        for index, (deadline, _) in enumerate(self._items):
            if deadline is not None and deadline != inf:
                del self._items[index]
                self._messages -= 1
                return

    def overflow(self) -> None:
        """End the connection, where this inbox belongs to one that it can end."""
        if self._producer is not None:
            self._producer.inbox_overflown()

    def end(self) -> None:
        """The connection is gone: nobody is to be called any more."""
        self._producer = None

    async def get(self) -> Event:
        """Take the next event or message, waiting for one if need be. Cancelling it loses none.

        Raises:
            RuntimeError: somebody waits here already.
        """
        while True:
            event = self.pop()
            if event is not None:
                return event
            await self.wait()

    def pop(self) -> Event | None:
        """Take the next event or message; None where there is none, or others are to go first.

        After None, call ``wait``.
        """
        items = self._items
        # What is skipped counts, too: a long streak of that would keep the loop as well.
        while items and self._streak < FAIR_SHARE:
            self._streak += 1
            deadline, event = items.pop(0)
            if deadline is None:
                self._event_taken()
                return event
            self._messages -= 1
            if deadline > time.monotonic():
                return event
        return None

    def wait(self) -> Awaitable[None]:
        """Let others on, at least once, until something is there.

        To be awaited at once; cancelling that loses nothing.

        Raises:
            RuntimeError: somebody waits here already.
        """
        self._streak = 0
        if self._items:
            return asyncio.sleep(0)
        if self.is_idle():
            raise RuntimeError("two tasks may not receive from one connection at a time")
        self._waiter = self._loop.create_future()
        return self._waiter

    def wake(self) -> None:
        """Let whoever waits look again: there is something, here or elsewhere."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _event_taken(self) -> None:
        self._events -= 1
        if self._paused and self._events <= LOW_WATER:
            self._paused = False
            if self._producer is not None:
                self._producer.inbox_drained()
