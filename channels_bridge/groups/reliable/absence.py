"""Absence: after a time away from the bus, what was sent meanwhile is told again."""

from __future__ import annotations

from channels_bridge.groups.reliable.catching_up import CatchingUp
from channels_bridge.groups.reliable.chain_sender import SentChains
from channels_bridge.groups.reliable.due_queue import NEVER, DueQueue
from channels_bridge.groups.reliable.frame_format import (
    AWAY,
    HEAD,
    NO_AGE,
    TOO_LONG,
    UNHEARD,
    milliseconds,
)
from channels_bridge.groups.reliable.marking import SETTLING_SECONDS, Marking
from channels_bridge.groups.reliable.reliable_context import Context, Loss

#: How long a message may be on its way, in seconds: one that was sent so long before an absence may
#: be lost in it; and the frame that tells of the absence is on its way, too.
ON_ITS_WAY = 2.0
#: How long to wait with marks when this process is back, in seconds: others may be just so, too.
MARK_DELAY = 0.05


class Absence:
    """Tells others that this process was away, and answers those that were.

    What either side sent meanwhile may be lost. Both then tell their last numbers, the one by marks
    and the others directly, and whoever has less asks. A sender that has forgotten some of its
    chains since then can't tell their numbers: it says so, and the loss is declared without a
    number, for any topic.
    """

    def __init__(self, context: Context, chains: SentChains, marking: Marking) -> None:
        self._catching_up = CatchingUp(context, chains)
        self._context = context
        self._chains = chains
        self._marking = marking
        self._later: DueQueue[float | None] = DueQueue()  # announcements to repeat: away since
        self._too_long: set[bytes] = set()  # who has said so since the last return

    def come_back(self, now: float, since: float | None) -> None:
        """Tell all that this process was away since ``since``; None when that is not known."""
        self._too_long.clear()
        self.announce(now, since)
        # Once more, when all nodes of the bus know again who listens to what.
        self._later.add(now + SETTLING_SECONDS, since)
        self._context.alarm.by(now + SETTLING_SECONDS)
        lost_since = -NEVER if since is None else since - ON_ITS_WAY
        self._marking.say_again(now, MARK_DELAY, lost_since)
        if since is not None and self._chains.has_forgotten(lost_since, now):
            reason = "this process was away, and has forgotten what it sent meanwhile"
            self._context.declare(Loss("", self._context.identity, None, reason))

    def announce(self, now: float, since: float | None) -> None:
        """Ask all others for their last numbers."""
        age = NO_AGE if since is None else milliseconds(now - since)
        self._context.bus.publish_to_all(HEAD.pack(AWAY, 0, self._context.identity, 0, 0, age))

    def ask(self, sender: bytes, now: float, since: float) -> None:
        """Ask one that was not heard since ``since`` for its last numbers."""
        self._too_long.discard(sender)
        head = HEAD.pack(AWAY, 0, self._context.identity, 0, 1, milliseconds(now - since))
        self._context.bus.publish_to(sender, head)

    def heard_away(self, sender: bytes, age: int, now: float) -> bool:
        """Handle that another process was away for ``age`` milliseconds.

        Returns whether it has to be told that its absence was too long.
        """
        since = -NEVER if age == NO_AGE else now - age / 1000 - ON_ITS_WAY
        self._catching_up.tell(sender, since, now)
        return age != NO_AGE and self._chains.has_forgotten(since, now)

    def tell_too_long(self, sender: bytes) -> None:
        """Tell a process that was away that what it missed is partly forgotten."""
        head = HEAD.pack(TOO_LONG, 0, self._context.identity, 0, 0, 0)
        self._context.bus.publish_to(sender, head)

    def heard_too_long(self, sender: bytes) -> None:
        """Handle that a sender has forgotten what it sent while this process was away."""
        if sender not in self._too_long:
            self._too_long.add(sender)
            reason = "this process was away for longer than the sender remembers"
            self._context.declare(Loss("", sender, None, reason))

    def tick(self, now: float) -> float:
        """Repeat announcements; return when to look next."""
        for since in self._later.take(now):
            self.announce(now, since)
        return min(self._later.next, self._catching_up.tick(now))

    def ask_for_topic(self, topic: str) -> None:
        """Ask all others for the last number on a topic that the bus did not bring."""
        head = HEAD.pack(UNHEARD, 0, self._context.identity, 0, 0, 0)
        self._context.bus.publish_to_all(head + topic.encode())

    def heard_unheard(self, sender: bytes, topic: str, now: float) -> None:
        """Handle that the bus did not bring a topic to another process."""
        self._catching_up.tell_topic(sender, topic, now)
