"""A receiver's chains: which message of a sender on a topic comes next, and what waits for it."""

from __future__ import annotations

from collections.abc import Iterator


class HeardChain:
    """What this process has got of a sender on a topic, since it subscribed.

    Attributes:
        topic, sender: of whom, and on what.
        ident: the sender's name for the chain.
        token: tells this from others that the process has or had, in requests.
        last: number of the last message that was delivered, or will never be.
        is_joining: whether it is not known yet which message is the first for this process.
            ``last`` means nothing then.
        anchor, reach: when joining: a number that was heard, and how many milliseconds before it
            this process subscribed.
        floor: up to this number all was delivered before the topic was left and joined again.
        goal: the highest number that is known to exist.
        held: messages that came too early: number to tag and payload.
        held_bytes: their size.
        is_asking: whether there is a gap, which the sender is being asked to fill.
        is_waiting: whether it waits for its turn to ask.
        due: when to ask again.
        attempts: how often was asked without an answer.
        progress_at: when asking began, or brought something last; None before.
        answered_to: the last number of the answer that is coming.
        heard_at: when something was heard of the chain last.
        is_dropped: whether nobody wants it any more.
    """

    __slots__ = (
        "anchor",
        "answered_to",
        "attempts",
        "due",
        "floor",
        "goal",
        "heard_at",
        "held",
        "held_bytes",
        "ident",
        "is_asking",
        "is_dropped",
        "is_joining",
        "is_waiting",
        "last",
        "progress_at",
        "reach",
        "sender",
        "token",
        "topic",
    )

    def __init__(self, topic: str, sender: bytes, ident: int, token: int, last: int) -> None:
        self.topic = topic
        self.sender = sender
        self.ident = ident
        self.token = token
        self.last = last
        self.is_joining = False
        self.anchor = 0
        self.reach = 0
        self.floor = 0
        self.goal = last
        self.held: dict[int, tuple[int, bytes]] = {}
        self.held_bytes = 0
        self.is_asking = False
        self.is_waiting = False
        self.due = 0.0
        self.attempts = 0
        self.progress_at: float | None = None
        self.answered_to = 0
        self.heard_at = 0.0
        self.is_dropped = False

    @property
    def is_complete(self) -> bool:
        """Whether all that is known to exist was delivered."""
        return not self.is_joining and self.last >= self.goal

    def join(self, anchor: int, reach: int) -> None:
        """Begin without knowing the first message: see ``anchor`` and ``reach``."""
        self.is_joining = True
        self.anchor, self.reach = anchor, reach

    def raise_goal(self, number: int) -> None:
        """Note that ``number`` exists."""
        if number > self.goal:
            self.goal = number

    def has(self, number: int) -> bool:
        """Whether the message came before."""
        if number in self.held:
            return True
        return number <= (self.floor if self.is_joining else self.last)

    def hold(self, number: int, tag: int, payload: bytes) -> None:
        """Keep a message that came too early."""
        self.held[number] = tag, payload
        self.held_bytes += len(payload)

    def take_next(self) -> tuple[int, bytes] | None:
        """Return the message that comes next, and step on to it; None when it isn't there."""
        found = self.held.pop(self.last + 1, None)
        if found is not None:
            self.last += 1
            self.held_bytes -= len(found[1])
        return found

    def count_missing(self, end: int) -> int:
        """Return how many messages up to ``end`` are neither delivered nor held."""
        return max(end - self.last, 0) - self.count_held(end)

    def count_held(self, end: int) -> int:
        """Return how many messages up to ``end`` are held."""
        return sum(number <= end for number in self.held)

    def take_up_to(self, end: int) -> Iterator[tuple[int, bytes]]:
        """Take those held up to ``end`` in order, and step over those that are missing.

        Stops when the chain is dropped meanwhile.
        """
        for number in sorted(number for number in self.held if number <= end):
            if self.is_dropped:
                return
            self.last = number - 1
            if (found := self.take_next()) is not None:
                yield found
        if not self.is_dropped:
            self.last = max(self.last, end)

    def highest(self) -> int:
        """Return the highest number that is known."""
        return max(self.goal, max(self.held, default=0))
