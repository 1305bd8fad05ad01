"""Turns for members who are behind, so that those who are live go on.

After a restart all clients come back at once, and all of them are behind. Each may be fed without
waiting for anything; together they would keep the event loop for seconds.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

#: How many messages a member is fed in one turn, and how many turns there are in one round of the
#: event loop: together as many as one busy consumer may handle without letting others on.
SHARE = 8
TURNS = 8


class Sleeper(Protocol):
    """A member's inbox, as far as its turn is concerned."""

    def wake(self) -> None: ...


class FeedingTurns:
    """Gives members turns, in the order in which they ask; on one event loop.

    Who has a turn and makes nothing of it, as its client does not read, holds up nobody.
    """

    def __init__(self) -> None:
        self._left = TURNS  # in this round
        self._waiting: dict[Sleeper, None] = {}  # in order
        self._granted: set[Sleeper] = set()  # woken, and not here again yet
        self._next: asyncio.Handle | None = None

    def claim(self, sleeper: Sleeper) -> bool:
        """Take a turn, which is good for ``SHARE`` messages. False: wait, you will be woken."""
        if sleeper in self._granted:
            self._granted.discard(sleeper)
            return True
        self._begin_next_later()
        if self._left and not self._waiting:
            self._left -= 1
            return True
        self._waiting[sleeper] = None
        return False

    def forget(self, sleeper: Sleeper) -> None:
        """It wants no turn any more."""
        self._waiting.pop(sleeper, None)
        self._granted.discard(sleeper)

    def close(self) -> None:
        """Wake nobody any more."""
        if self._next is not None:
            self._next.cancel()

    def _begin_next_later(self) -> None:
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._begin_next)

    def _begin_next(self) -> None:
        self._next = None
        self._left = TURNS
        for sleeper in list(self._waiting)[:TURNS]:
            del self._waiting[sleeper]
            self._granted.add(sleeper)
            self._left -= 1
            sleeper.wake()
        if self._waiting:
            self._begin_next_later()
