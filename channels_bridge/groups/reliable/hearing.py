"""Hearing: the topics this process has subscribed, and the chains of those it hears on them."""

from __future__ import annotations

from collections import deque

from channels_bridge.groups.reliable.chain_receiver import HeardChain
from channels_bridge.groups.reliable.due_queue import NEVER
from channels_bridge.groups.reliable.frame_format import LARGEST_TOKEN, UNKNOWN, Answer
from channels_bridge.groups.reliable.gap_requests import GapRequests
from channels_bridge.groups.reliable.heard_topic import HeardTopic, Sign
from channels_bridge.groups.reliable.left_topics import LeftTopics
from channels_bridge.groups.reliable.reliable_context import Context, Loss

#: How often to look for chains to forget, in seconds, and in how many topics at a time.
LOOK_SECONDS = 5.0
LOOKS = 2000


class Hearing:
    """What this process hears, brought into order.

    Whoever is heard for the first time on a topic may have sent something before that did not
    arrive: when that was after the topic was subscribed, it is asked for. This also closes the time
    in which the nodes of a bus do not know yet who listens.

    Attributes:
        topics: those subscribed. ``ReliableTopics`` looks into it for each frame.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._bounds = context.bounds
        self._requests = GapRequests(context, self._give_up)
        self._look_at = NEVER
        self._unlooked: deque[str] = deque()  # topics to look at for chains to forget
        self._left = LeftTopics(context.bounds)
        self._held_bytes = 0
        self._count = 0
        self.topics: dict[str, HeardTopic] = {}

    def subscribe(self, topic: str, now: float) -> None:
        """Begin to hear ``topic``, unless that is so."""
        if topic not in self.topics:
            self.topics[topic] = HeardTopic(now, self._left.join(topic, now))
            if self._look_at == NEVER:
                self._look_at = now + LOOK_SECONDS
                self._context.alarm.by(self._look_at)

    def listening_since(self, now: float) -> float:
        """Return when the first topic was subscribed; ``now`` when none is."""
        return min((heard.since for heard in self.topics.values()), default=now)

    def unsubscribe(self, topic: str) -> None:
        """Hear ``topic`` no more."""
        heard = self.topics.pop(topic, None)
        if heard is not None:
            self._left.leave(topic, heard.chains, heard.left)
            for chain in heard.chains.values():
                self._drop(chain)

    def take(self, chain: HeardChain, number: int, tag: int, payload: bytes, now: float) -> None:
        """Handle a message that came on a topic, and may not be the next one."""
        chain.heard_at = now
        if chain.has(number):
            self._context.counters.duplicates += 1
            return
        chain.raise_goal(number)
        self._hold(chain, number, tag, payload)
        self._deliver_next(chain)
        self._look_for_gap(chain, now)

    def raise_goal(self, chain: HeardChain, number: int, now: float) -> None:
        """Handle that ``number`` is said to exist."""
        chain.heard_at = now
        chain.raise_goal(number)
        self._look_for_gap(chain, now)

    def find_chain(self, topic: str, sign: Sign, now: float) -> HeardChain | None:
        """Return the chain of which there is a sign on a subscribed topic; begin it if it's new.

        None when the sign is to be ignored: of a chain that has ended, or of this process.
        """
        heard = self.topics[topic]
        chain = heard.chains.get(sign.sender)
        if chain is not None and chain.ident == sign.ident:
            return chain
        if sign.sender == self._context.identity or (chain and sign.ident < chain.ident):
            self._context.counters.duplicates += 1
            return None
        if chain is not None:
            self._end(chain)
            if self.topics.get(topic) is not heard:
                return None
        self._count = (self._count + 1) & LARGEST_TOKEN
        return heard.begin_chain(topic, sign, self._count, now)

    def answer(self, sender: bytes, answer: Answer, now: float) -> None:
        """Handle an answer to a request."""
        self._requests.heard(sender)
        chain = self._find(answer.topic, sender, answer.token)
        if chain is None:
            self._context.counters.duplicates += 1
            return
        chain.heard_at = now
        before = chain.is_joining, chain.last
        self._begin_after(chain, answer)
        if answer.number:
            self._take_resent(chain, answer)
        if chain.is_dropped:
            return
        chain.answered_to = max(chain.answered_to, answer.end)
        self._look_for_gap(chain, now)
        if before != (chain.is_joining, chain.last):
            self._requests.note_progress(chain, now)

    def forgotten(self, topic: str, sender: bytes, token: int, now: float) -> None:
        """Handle that a sender has forgotten the chain that it was asked for."""
        self._requests.heard(sender)
        chain = self._find(topic, sender, token)
        if chain is not None and chain.is_asking:
            self._give_up(chain, "the sender has forgotten them", counted=False)
            self._requests.fill(now)

    def ask_again(self, now: float) -> None:
        """Ask at once for what was asked for."""
        self._requests.ask_again(now)

    def tick(self, now: float) -> float:
        """Ask again, give up, forget; return when to look next."""
        if self._look_at <= now:
            self._forget_some(now)
            self._left.forget(now)
            self._look_at = now + LOOK_SECONDS if self.topics or self._left else NEVER
        return min(self._requests.tick(now), self._look_at)

    def _forget_some(self, now: float) -> None:
        """Forget chains of which nothing was heard for long, of some topics at a time."""
        if not self._unlooked:
            self._unlooked.extend(self.topics)
        for _ in range(min(len(self._unlooked), LOOKS)):
            topic = self._unlooked.popleft()
            heard = self.topics.get(topic)
            for chain in list(heard.chains.values()) if heard is not None else ():
                if now - chain.heard_at > self._bounds.forget_seconds and not chain.is_asking:
                    self.topics[topic].has_forgotten = True
                    self._remove(chain)

    def _find(self, topic: str, sender: bytes, token: int) -> HeardChain | None:
        """Return the chain that has asked; None when it has ended, whatever there is instead."""
        heard = self.topics.get(topic)
        chain = heard.chains.get(sender) if heard is not None else None
        return chain if chain is not None and chain.token == token else None

    def _end(self, chain: HeardChain) -> None:
        """End a chain because its sender has begun another: it has forgotten this one."""
        if chain.is_asking:
            self._give_up(chain, "the sender has forgotten them")
        if not chain.is_dropped:
            self._remove(chain)

    def _remove(self, chain: HeardChain) -> None:
        del self.topics[chain.topic].chains[chain.sender]
        self._drop(chain)

    def _drop(self, chain: HeardChain) -> None:
        chain.is_dropped = True
        self._held_bytes -= chain.held_bytes
        self._requests.close(chain)

    def _look_for_gap(self, chain: HeardChain, now: float) -> None:
        if chain.is_dropped:
            return
        if not chain.is_complete:
            self._requests.open(chain, now)
        elif chain.is_asking:
            self._requests.close(chain)
            self._requests.fill(now)

    def _hold(self, chain: HeardChain, number: int, tag: int, payload: bytes) -> None:
        """Hold a message, if there is room; otherwise it will be asked for."""
        if not self._has_room(chain, payload) and (chain.is_joining or number != chain.last + 1):
            return
        chain.hold(number, tag, payload)
        self._held_bytes += len(payload)

    def _has_room(self, chain: HeardChain, payload: bytes) -> bool:
        bounds = self._bounds
        return (
            len(chain.held) < bounds.held_messages
            and chain.held_bytes + len(payload) <= bounds.held_bytes
            and self._held_bytes + len(payload) <= bounds.all_held_bytes
        )

    def _deliver_next(self, chain: HeardChain) -> None:
        """Deliver what is there without a gap."""
        while not (chain.is_joining or chain.is_dropped):
            found = chain.take_next()
            if found is None:
                return
            self._deliver(chain, found)

    def _deliver(self, chain: HeardChain, message: tuple[int, bytes]) -> None:
        tag, payload = message
        self._held_bytes -= len(payload)
        self._context.deliver(chain.topic, chain.sender, tag, payload)

    def _begin_after(self, chain: HeardChain, answer: Answer) -> None:
        """Step over what the sender says that it will not send."""
        reason = "the sender no longer keeps them"
        if chain.is_joining:
            self._join(chain, answer, reason)
        elif answer.base > chain.last:
            self._declare_missing(chain, answer.base, reason)
            self._step_over(chain, answer.base)
        self._deliver_next(chain)

    def _join(self, chain: HeardChain, answer: Answer, reason: str) -> None:
        """Begin a chain where the sender says that this process has joined it."""
        chain.is_joining = False
        base = max(answer.base, chain.floor)
        chain.last = min(base, min(chain.held, default=base + 1) - 1)
        if answer.lost:
            heard = self.topics[chain.topic]
            # Who has forgotten chains can't tell whether it had got some of these.
            is_known = answer.lost != UNKNOWN and not heard.has_forgotten
            count = min(answer.lost, base - chain.floor) - chain.count_held(base)
            if not is_known or count > 0:
                known = count if is_known else None
                self._context.declare(Loss(chain.topic, chain.sender, known, reason))
        self._step_over(chain, base)

    def _take_resent(self, chain: HeardChain, answer: Answer) -> None:
        if chain.is_dropped:
            return
        if chain.has(answer.number):
            self._context.counters.duplicates += 1
            return
        self._context.counters.recovered += 1
        chain.raise_goal(answer.number)
        self._hold(chain, answer.number, answer.tag, answer.payload)
        self._deliver_next(chain)

    def _give_up(self, chain: HeardChain, reason: str, counted: bool = True) -> None:
        """Declare what is missing, and go on with what is there."""
        end = chain.highest()
        if chain.is_joining or not counted:
            chain.last = min(chain.held, default=end + 1) - 1 if chain.is_joining else chain.last
            chain.is_joining = False
            self._context.declare(Loss(chain.topic, chain.sender, None, reason))
        else:
            self._declare_missing(chain, end, reason)
        self._step_over(chain, end)
        if not chain.is_dropped:
            self._requests.close(chain)

    def _declare_missing(self, chain: HeardChain, end: int, reason: str) -> None:
        if count := chain.count_missing(end):
            self._context.declare(Loss(chain.topic, chain.sender, count, reason))

    def _step_over(self, chain: HeardChain, end: int) -> None:
        for message in chain.take_up_to(end):
            self._deliver(chain, message)
