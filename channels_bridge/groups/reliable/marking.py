"""Marks: a sender says the last number of a chain, so that the loss of a burst's end is noticed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from channels_bridge.groups.reliable.chain_sender import SentChain, SentChains
from channels_bridge.groups.reliable.due_queue import NEVER, DueQueue
from channels_bridge.groups.reliable.frame_format import HEAD, MARK, milliseconds
from channels_bridge.groups.reliable.reliable_context import Context

#: All last numbers are said again at most so often, in seconds.
ROUND_SECONDS = 1.0
#: After something happened to the bus they are said again soon, and once more after so many
#: seconds: by then its nodes know again who listens to what.
SETTLING_SECONDS = 1.5


class Reminders:
    """When to say the last numbers once more, a fixed time after they were sent."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._planned: set[SentChain] = set()
        self._queue: DueQueue[SentChain] = DueQueue()

    @property
    def next(self) -> float:
        """When the first is due."""
        return self._queue.next

    def plan(self, chain: SentChain) -> None:
        """Plan one for what was sent last, unless one is planned."""
        if chain not in self._planned:
            self._planned.add(chain)
            self._queue.add(chain.at + self._seconds, chain)

    def take(self, now: float) -> Iterator[SentChain]:
        """Take the chains of which the last number is to be said, one at a time."""
        for chain in self._queue.take(now):
            self._planned.discard(chain)
            if chain.unmarked:  # in use: after the next mark another is planned
                continue
            if chain.at + self._seconds > now:
                self.plan(chain)
                continue
            yield chain


class Marking:
    """Says the last numbers: after a while without a message, a second time, and all of them again.

    A mark goes to the topic, so only those get it who listen. That is one frame for each topic;
    how many there are in one tick is bounded (``Bounds.marks``), the others wait for the next.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._bounds = context.bounds
        self._unmarked: DueQueue[SentChain] = DueQueue()
        bounds = context.bounds
        self._reminders = [Reminders(s) for s in (bounds.reminder_seconds, bounds.farewell_seconds)]
        self._again: deque[SentChain] = deque()  # what is left of the round that is under way
        self._rounds: list[float] = []  # when the next ones begin
        self._since = NEVER  # of what was sent since then
        self._last_round = -NEVER

    @property
    def unmarked(self) -> int:
        """How many chains there are whose last number has not been said since it was sent."""
        return len(self._unmarked)

    def note_unmarked(self, chain: SentChain, now: float) -> None:
        """Note that a message follows the last mark of ``chain``."""
        chain.unmarked = True
        due = now + self._bounds.quiet_seconds
        self._unmarked.add(due, chain)
        self._context.alarm.by(due)

    def say_again(self, now: float, delay: float, since: float) -> None:
        """Say the last numbers again after ``delay`` seconds, and once more when all is settled.

        Those of chains that were used after ``since``.
        """
        self._since = min(self._since, since)
        for at in (now + delay, now + delay + SETTLING_SECONDS):
            if all(abs(at - other) >= ROUND_SECONDS / 2 for other in self._rounds):
                self._rounds.append(at)
                self._context.alarm.by(at)

    def mark_now(self, now: float) -> None:
        """Say all last numbers that have not been said, however many there are."""
        for chain in self._unmarked.take_all():
            chain.unmarked = False
            self._mark(chain, now)

    def tick(self, now: float, chains: SentChains) -> float:
        """Say what is due, as much as may be; return when to look next."""
        room = self._bounds.marks
        room = self._mark_quiet(now, room)
        room = self._remind(now, room)
        self._begin_round(now, chains)
        while self._again and room:
            self._mark(self._again.popleft(), now)
            room -= 1
        return self._next(now)

    def _mark_quiet(self, now: float, room: int) -> int:
        if not room:
            return 0
        for chain in self._unmarked.take(now):
            if now - chain.at < self._bounds.quiet_seconds:
                self._unmarked.add(now + self._bounds.quiet_seconds, chain)
                continue
            chain.unmarked = False
            self._mark(chain, now)
            for reminders in self._reminders:
                reminders.plan(chain)
            room -= 1
            if not room:
                break
        return room

    def _remind(self, now: float, room: int) -> int:
        for reminders in self._reminders if room else ():
            for chain in reminders.take(now):
                self._mark(chain, now)
                room -= 1
                if not room:
                    return 0
        return room

    def _begin_round(self, now: float, chains: SentChains) -> None:
        """Begin a round that is due, unless one is under way: it ends first."""
        if self._again or not self._is_round_due(now):
            return
        self._rounds = [at for at in self._rounds if at > now]
        self._last_round = now
        since = self._since
        if not self._rounds:
            self._since = NEVER
        remembered = [chain for chain in chains if chain.at >= since]
        # First those of which something can still be asked for.
        self._again.extend(chain for chain in remembered if chain.kept)
        self._again.extend(chain for chain in remembered if not chain.kept)

    def _is_round_due(self, now: float) -> bool:
        return self._next_round() <= now

    def _next_round(self) -> float:
        if not self._rounds:
            return NEVER
        return max(min(self._rounds), self._last_round + ROUND_SECONDS)

    def _mark(self, chain: SentChain, now: float) -> None:
        self._context.counters.marks += 1
        age = milliseconds(now - chain.at)
        head = HEAD.pack(MARK, 0, self._context.identity, chain.ident, chain.last, age)
        self._context.bus.publish(chain.topic, head, b"")

    def _next(self, now: float) -> float:
        soon = now + self._bounds.tick_seconds
        if self._again:
            return soon
        reminders = min(reminders.next for reminders in self._reminders)
        return max(min(self._unmarked.next, reminders, self._next_round()), soon)
