"""Reliable topics: what a transport publishes and hears, in order and once, or declared lost.

See the room's docstring for the promise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from struct import error as StructError

from channels_bridge.groups.reliable.absence import Absence
from channels_bridge.groups.reliable.audit import Audit, Suspicions
from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.chain_sender import SentChains
from channels_bridge.groups.reliable.frame_format import (
    ASK,
    AUDIT,
    AWAY,
    DATA,
    FORGOTTEN,
    HEAD,
    HEAD_SIZE,
    HERE,
    MARK,
    NOTHING,
    RESENT,
    TOO_LONG,
    UNHEARD,
    Unreadable,
    head_overhead,
    read_topic,
    unpack_answer,
    unpack_audit,
    unpack_request,
)
from channels_bridge.groups.reliable.heard_topic import Sign
from channels_bridge.groups.reliable.hearing import Hearing
from channels_bridge.groups.reliable.marking import Marking
from channels_bridge.groups.reliable.peers import Peers
from channels_bridge.groups.reliable.reliable_context import (
    Bus,
    Context,
    Counters,
    Deliver,
    Loss,
)
from channels_bridge.groups.reliable.retransmission import Retransmission

DEFAULT_BOUNDS = Bounds()
#: How long to wait with marks when the bus has changed, in seconds.
CHANGE_DELAY = 0.1


@dataclass
class ReliableStatistics(Counters):
    """What happened in this process since it began, and what it keeps.

    Attributes:
        gaps: how often something was missing in a chain.
        asked: requests for what was missing, repeated ones included.
        resent: messages that were sent again to others.
        recovered: messages that came because they were asked for.
        missed: messages that were declared lost; 1 for a loss of unknown size.
        marks: how often a last number was said.
        duplicates: messages that came more than once, and were delivered once.
        late_joins: how often a sender was asked what it had sent since the topic was subscribed.
        unreadable: frames that could not be read.
        kept, kept_bytes: messages that could be sent again now, and what they take.
        window: for how many seconds messages are kept at present.
    """

    kept: int = 0
    kept_bytes: int = 0
    window: float = 0.0


def overhead(topic: str) -> int:
    """Return the most bytes that a frame has besides the payload on ``topic``, resends included."""
    return head_overhead(topic)


class ReliableTopics:
    """Publishes to topics and hears them, reliably, over a bus that is not.

    Everything happens within the calls; ``now`` is the time of one monotonic clock, in seconds, and
    never goes back. Not to be called from two threads.

    Args:
        identity: eight random bytes, others for each process, a forked one too.
        bus: carries the frames.
        deliver: gets each message: topic, identity of the sender, tag, payload. Must not raise.
        bounds: what is kept, and for how long.
        on_loss: gets each declared loss, before what follows is delivered.
        on_unheard: gets a topic that the bus does not bring though others send to it: to be
            subscribed at the bus anew, at once. Not more often than every two audits.
    """

    def __init__(
        self,
        *,
        identity: bytes,
        bus: Bus,
        deliver: Deliver,
        on_loss: Callable[[Loss], None],
        on_unheard: Callable[[str], None],
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> None:
        if len(identity) != 8:
            raise ValueError(f"An identity has 8 bytes, as os.urandom(8) gives: {identity!r}")
        context = Context(identity, bus, deliver, bounds, on_loss)
        self._identity = identity
        self._deliver = deliver
        self._counters = context.counters
        self._alarm = context.alarm
        self._ticked_at: float | None = None
        self._was_there = False
        self._bounds = bounds
        self._marking = Marking(context)
        self._chains = SentChains(context, self._marking.note_unmarked)
        self._retransmission = Retransmission(context, self._chains)
        self._hearing = Hearing(context)
        self._heard_topics = self._hearing.topics
        self._absence = Absence(context, self._chains, self._marking)
        self._peers = Peers(context, self._absence)
        self._audit = Audit(context, self._chains, self._peers)
        self._suspicions = Suspicions(context, self._hearing, self._absence, on_unheard)

    def publish(self, topic: str, payload: bytes, now: float, *, tag: int = 0) -> None:
        """Send a message to all who have subscribed ``topic``, this process excepted.

        ``tag``, 0 to 255, reaches the receivers' ``deliver``.
        """
        self._chains.publish(topic, payload, now, tag)

    def subscribed(self, topic: str, now: float) -> None:
        """Hear ``topic`` from now on. To be called before the bus is asked for it.

        What is sent after the bus was asked is delivered. So may be what was sent a little before,
        by less than a message takes.
        """
        self._hearing.subscribe(topic, now)

    def unsubscribed(self, topic: str) -> None:
        """Hear ``topic`` no more. What was held of it is dropped."""
        self._hearing.unsubscribe(topic)

    def received(self, topic: str, frame: bytes, now: float) -> None:
        """Handle a frame that came on ``topic``. Those that can't be read are counted."""
        heard = self._heard_topics.get(topic)
        if heard is None:
            return
        try:
            kind, tag, sender, ident, number, age = HEAD.unpack_from(frame)
        except StructError:
            self._counters.unreadable += 1
            return
        if kind == DATA:
            chain = heard.chains.get(sender)
            if (
                chain is not None
                and number == chain.last + 1
                and ident == chain.ident
                and not chain.is_asking
            ):
                chain.last = chain.goal = number
                chain.heard_at = now
                self._deliver(topic, sender, tag, frame[HEAD_SIZE:])
                return
        self._received_other(topic, frame, now)

    def _received_other(self, topic: str, frame: bytes, now: float) -> None:
        """Handle what is not the next message."""
        kind, tag, sender, ident, number, age = HEAD.unpack_from(frame)
        if kind not in (DATA, MARK) or not number:
            self._counters.unreadable += 1
            return
        sign = Sign(sender, ident, number, age, kind == DATA)
        chain = self._hearing.find_chain(topic, sign, now)
        if chain is None:
            return
        if kind == DATA:
            self._hearing.take(chain, number, tag, frame[HEAD_SIZE:], now)
        else:
            self._hearing.raise_goal(chain, number, now)

    def received_control(self, frame: bytes, now: float) -> None:
        """Handle a frame of ``Bus.publish_to`` or ``publish_to_all``, as ``received()``."""
        try:
            self._received_control(frame, now)
        except (Unreadable, StructError):
            self._counters.unreadable += 1

    def _received_control(self, frame: bytes, now: float) -> None:
        kind, _, sender, _, number, age = HEAD.unpack_from(frame)
        if sender == self._identity:
            return
        if kind in (RESENT, NOTHING):
            self._hearing.answer(sender, unpack_answer(frame), now)
        elif kind == ASK:
            self._retransmission.answer(sender, unpack_request(frame), now)
        elif kind == FORGOTTEN:
            self._hearing.forgotten(read_topic(frame[HEAD_SIZE:]), sender, age, now)
        else:
            self._received_from_peer(kind, sender, number, age, frame, now)

    def _received_from_peer(
        self, kind: int, sender: bytes, number: int, age: int, frame: bytes, now: float
    ) -> None:
        if kind == AUDIT:
            handle = self._suspicions.look if age else self._suspicions.note
            for told in unpack_audit(frame):
                handle(sender, told, now)
        elif kind == AWAY:
            self._received_away(sender, number, age, now)
        elif kind == TOO_LONG:
            self._absence.heard_too_long(sender)
        elif kind == UNHEARD:
            self._absence.heard_unheard(sender, read_topic(frame[HEAD_SIZE:]), now)
        elif kind == HERE:
            self._peers.heard_here(sender, number, age, now)
        else:
            raise Unreadable
        self._peers.note(sender, now)

    def _received_away(self, sender: bytes, number: int, age: int, now: float) -> None:
        too_long = self._absence.heard_away(sender, age, now)
        if number:
            self._peers.heard_question(sender, too_long)
        elif too_long:
            self._absence.tell_too_long(sender)

    def bus_changed(self, now: float, *, away: bool, since: float | None = None) -> None:
        """Handle that something has happened to the bus.

        Args:
            now: the time.
            away: whether this process is on the bus for the first time, or was away from it. What
                was sent meanwhile may be lost, both ways. Otherwise the bus itself has changed.
            since: when the bus was known to work last, before this process was away. With it,
                messages that were sent in a long absence and that their senders do not remember
                are declared lost; without, they are not.
        """
        self._peers.start(now)
        self._audit.start(now)
        if away:
            if since is None and not self._was_there:  # nothing is missed from before
                since = self._hearing.listening_since(now)
            self._was_there = True
            self._absence.come_back(now, since)
        else:
            # What can still be asked for; of all else, gaps in the announcements tell.
            self._marking.say_again(now, CHANGE_DELAY, now - self._bounds.keep_seconds)
        self._hearing.ask_again(now)

    def tick(self, now: float) -> float:
        """Do what is due, and return when to call this again: to be set as the one timer.

        What is published and received can make it sooner: see ``next_tick``.
        """
        self._look_for_standstill(now)
        self._alarm.at = now + 60.0
        nexts = (
            self._chains.tick(now),
            self._marking.tick(now, self._chains),
            self._retransmission.tick(now),
            self._hearing.tick(now),
            self._absence.tick(now),
            self._suspicions.tick(now),
            self._audit.tick(now),
            self._peers.tick(now),
        )
        self._alarm.by(max(min(nexts), now + 0.001))
        return self._alarm.at

    def _look_for_standstill(self, now: float) -> None:
        """Take a time in which this process stood still for an absence.

        Others may have given it up; and what it had sent last, and not told twice yet, it may have
        forgotten by now.
        """
        ticked_at, self._ticked_at = self._ticked_at, now
        if ticked_at is not None and now - self._alarm.at > self._bounds.keep_seconds:
            self._absence.come_back(now, ticked_at - self._bounds.keep_seconds)

    @property
    def next_tick(self) -> float:
        """When ``tick()`` has to be called next; infinity before there is anything to do."""
        return self._alarm.at

    def mark_now(self, now: float) -> None:
        """Say all last numbers that were not said yet: this process is about to end."""
        self._marking.mark_now(now)

    @property
    def unmarked(self) -> int:
        """How many topics have a message whose number has not been said since it was sent."""
        return self._marking.unmarked

    @property
    def statistics(self) -> ReliableStatistics:
        """What happened, and what is kept now."""
        chains = self._chains
        return ReliableStatistics(
            **asdict(self._counters),
            kept=chains.kept,
            kept_bytes=chains.kept_bytes,
            window=chains.window,
        )
