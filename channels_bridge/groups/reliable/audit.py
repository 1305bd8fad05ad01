"""The audit: processes tell one another directly what they have sent, whatever the bus believes.

A node of a bus can fail to learn that somebody listens to a topic. Then it brings neither messages
nor marks, and no gap is seen. So each process now and then tells some others, by control frames,
the last numbers of topics that it used lately; who has subscribed one and lacks something asks for
it, and asks the bus for the topic anew.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from channels_bridge.groups.reliable.absence import Absence
from channels_bridge.groups.reliable.chain_sender import SentChains
from channels_bridge.groups.reliable.due_queue import NEVER, DueQueue
from channels_bridge.groups.reliable.frame_format import (
    LONGEST,
    Audited,
    milliseconds,
    pack_audit,
)
from channels_bridge.groups.reliable.heard_topic import Sign
from channels_bridge.groups.reliable.hearing import Hearing
from channels_bridge.groups.reliable.peers import Peers
from channels_bridge.groups.reliable.reliable_context import Context

#: How long a message may be on its way before it is taken for missing, in seconds.
MISSED_AFTER = 0.5
#: How many topics at most are looked at again after that.
SUSPICIONS = 10_000


class Audit:
    """Tells others the last numbers of this process."""

    def __init__(self, context: Context, chains: SentChains, peers: Peers) -> None:
        self._context = context
        self._chains = chains
        self._peers = peers
        self._random = Random(context.identity)
        self._at = NEVER

    def start(self, now: float) -> None:
        """Begin."""
        if self._at == NEVER:
            self._plan(now)

    def tick(self, now: float) -> float:
        """Audit when it is time; return when to look next."""
        if self._at <= now:
            self._chains.forget(now)
            self._tell(now)
            self._plan(now)
        return self._at

    def _plan(self, now: float) -> None:
        self._at = now + self._context.bounds.audit_seconds * self._random.uniform(0.75, 1.25)
        self._context.alarm.by(self._at)

    def _tell(self, now: float) -> None:
        topics = self._choose_topics(now)
        if topics:
            frame = pack_audit(self._context.identity, topics)
            for identity in self._peers.choose(now):
                self._context.bus.publish_to(identity, frame)

    def _choose_topics(self, now: float) -> list[Audited]:
        """Choose some of those that are not forgotten."""
        used = list(self._chains.remembered(now))
        if len(used) > self._context.bounds.audit_topics:
            used = self._random.sample(used, self._context.bounds.audit_topics)
        return [Audited(c.topic, c.ident, c.last, milliseconds(now - c.at)) for c in used]


class Suspicions:
    """Numbers that others have told, and that this process has not got.

    They may be on their way; what still lacks a little later does not come by itself.
    """

    def __init__(
        self,
        context: Context,
        hearing: Hearing,
        absence: Absence,
        on_unheard: Callable[[str], None],
    ) -> None:
        self._context = context
        self._hearing = hearing
        self._absence = absence
        self._on_unheard = on_unheard
        self._noted: DueQueue[tuple[str, Sign, float]] = DueQueue()

    def note(self, sender: bytes, told: Audited, now: float) -> None:
        """Note what a sender has told of a topic, if this process hears the topic and lacks it."""
        sign = Sign(sender, told.chain, told.last, told.age, is_message=False)
        if len(self._noted) < SUSPICIONS and self._lacks(told.topic, sign, now):
            self._noted.add(now + MISSED_AFTER, (told.topic, sign, now))
            self._context.alarm.by(now + MISSED_AFTER)

    def tick(self, now: float) -> float:
        """Look at those noted again; return when to look next."""
        for topic, sign, noted_at in self._noted.take(now):
            age = min(sign.age + milliseconds(now - noted_at), LONGEST)
            if self._ask_if_lacking(topic, sign._replace(age=age), now):
                self._renew(topic, now)
        return self._noted.next

    def look(self, sender: bytes, told: Audited, now: float) -> None:
        """Ask at once for what this process lacks: the bus was not there, that is no suspicion."""
        sign = Sign(sender, told.chain, told.last, told.age, is_message=False)
        self._ask_if_lacking(told.topic, sign, now)

    def _ask_if_lacking(self, topic: str, sign: Sign, now: float) -> bool:
        if not self._lacks(topic, sign, now):
            return False
        chain = self._hearing.find_chain(topic, sign, now)
        if chain is None:
            return False
        self._hearing.raise_goal(chain, sign.number, now)
        return True

    def _lacks(self, topic: str, sign: Sign, now: float) -> bool:
        """Whether the number was sent since the topic is heard, and nothing is known of it."""
        heard = self._hearing.topics.get(topic)
        if heard is None or now - sign.age / 1000 < heard.since:
            return False
        chain = heard.chains.get(sign.sender)
        if chain is None or chain.ident < sign.ident:
            return True
        return chain.ident == sign.ident and not chain.is_joining and chain.goal < sign.number

    def _renew(self, topic: str, now: float) -> None:
        """Ask for the topic to be subscribed anew, and all others for what they have sent to it."""
        heard = self._hearing.topics.get(topic)
        if heard is None or now - heard.renewed_at < 2 * self._context.bounds.audit_seconds:
            return
        heard.renewed_at = now
        self._on_unheard(topic)
        self._absence.ask_for_topic(topic)
