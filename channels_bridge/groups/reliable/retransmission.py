"""Retransmission: a sender answers those who ask for messages that they have not got."""

from __future__ import annotations

from collections import defaultdict

from channels_bridge.groups.reliable.chain_sender import SentChain, SentChains
from channels_bridge.groups.reliable.due_queue import NEVER
from channels_bridge.groups.reliable.frame_format import (
    FORGOTTEN,
    HEAD,
    NO_AGE,
    UNKNOWN,
    Answer,
    Request,
    head_overhead,
    pack_answer,
)
from channels_bridge.groups.reliable.reliable_context import Context


class Retransmission:
    """Sends again what is kept, to the process that asks and to no other.

    A request is answered with at most ``Bounds.burst_bytes``, or one message. The asker has to ask
    again for more, and does so when it has got these: so one that is slow is not flooded. Besides,
    one process gets at most ``Bounds.asker_bytes`` in a tick, and all together get
    ``Bounds.resent_bytes``; requests beyond that are ignored, and come again. So is a request that
    has been answered in the same tick: this process stood still, and its repetitions have waited.
    """

    def __init__(self, context: Context, chains: SentChains) -> None:
        self._context = context
        self._bounds = context.bounds
        self._chains = chains
        # In this tick:
        self._spent: defaultdict[bytes, int] = defaultdict(int)  # bytes, by asker
        self._left = context.bounds.resent_bytes
        self._answered: set[tuple[bytes, Request]] = set()

    def answer(self, asker: bytes, request: Request, now: float) -> None:
        """Answer a request of the process ``asker``."""
        key = asker, request
        spent = self._spent[asker]
        if spent >= self._bounds.asker_bytes or self._left <= 0 or key in self._answered:
            return
        self._answered.add(key)
        self._context.alarm.by(now + self._bounds.tick_seconds)
        chain = self._chains.find(request.topic, now)
        if chain is None or chain.ident != request.chain:
            identity = self._context.identity
            head = HEAD.pack(FORGOTTEN, 0, identity, request.chain, 0, request.token)
            self._send(asker, head + request.topic.encode())
            return
        base, lost = max(request.number, chain.oldest - 1), 0
        if request.reach != NO_AGE:
            base, lost = _find_start(chain, request.number, request.reach)
        self._send_after(asker, request, chain, base, lost)

    def tick(self, now: float) -> float:
        """Begin another tick; return when to look next."""
        self._spent.clear()
        self._answered.clear()
        self._left = self._bounds.resent_bytes
        return NEVER

    def _send_after(
        self, asker: bytes, request: Request, chain: SentChain, base: int, lost: int
    ) -> None:
        """Send what follows ``base``, as much as may be at a time."""
        kept = chain.kept_after(base, self._bounds.burst_bytes // 64)
        burst = self._take_burst(chain.topic, kept)
        end = base + len(burst)
        if not burst:
            last = chain.last
            nothing = Answer(chain.ident, request.token, last, lost, last, 0, 0, chain.topic, b"")
            self._send(asker, pack_answer(self._context.identity, nothing))
        for number, (_, tag, payload) in enumerate(burst, base + 1):
            again = Answer(
                chain.ident, request.token, base, lost, end, number, tag, chain.topic, payload
            )
            self._context.counters.resent += 1
            self._send(asker, pack_answer(self._context.identity, again))

    def _take_burst(
        self, topic: str, messages: list[tuple[float, int, bytes]]
    ) -> list[tuple[float, int, bytes]]:
        """Return the first ones, of as many bytes as may be sent at a time; at least one."""
        size, overhead = 0, head_overhead(topic)
        for index, (_, _, payload) in enumerate(messages):
            size += len(payload) + overhead
            if index and size > self._bounds.burst_bytes:
                return messages[:index]
        return messages

    def _send(self, asker: bytes, frame: bytes) -> None:
        self._spent[asker] += len(frame)
        self._left -= len(frame)
        self._context.bus.publish_to(asker, frame)


def _find_start(chain: SentChain, anchor: int, reach: int) -> tuple[int, int]:
    """Return after which number somebody has joined, and how many since then are not kept.

    It has heard number ``anchor``, and subscribed at most ``reach`` milliseconds before that. This
    is counted from when the number was sent, not from now: so however long the request took,
    nothing is left out that was sent after the subscription. What was sent before it by less than
    the number needed to arrive is included, though.
    """
    oldest = chain.oldest
    anchor_at = _sent_at(chain, anchor)
    if anchor_at is None:
        return oldest - 1, UNKNOWN
    joined = anchor_at - reach / 1000
    if joined <= chain.began:
        return oldest - 1, min(oldest - 1, UNKNOWN)
    if chain.dropped_at >= joined:
        return oldest - 1, UNKNOWN
    return oldest - 1 + chain.count_kept_before(joined), 0


def _sent_at(chain: SentChain, number: int) -> float | None:
    """Return when a message was sent; None when that is not known any more."""
    if number == chain.last:
        return chain.at
    if chain.oldest <= number < chain.last:
        return chain.kept[number - chain.oldest][0]
    return None
