"""Catching up: a process that was away is told directly what the last numbers are."""

from __future__ import annotations

from collections import deque

from channels_bridge.groups.reliable.chain_sender import SentChain, SentChains
from channels_bridge.groups.reliable.due_queue import NEVER
from channels_bridge.groups.reliable.frame_format import Audited, milliseconds, pack_audit
from channels_bridge.groups.reliable.reliable_context import Context

#: How many frames are sent in ``Bounds.tick_seconds`` at most, each to another process.
FRAMES = 8


class CatchingUp:
    """Tells processes that ask for it the last numbers of this one, many in a frame.

    Marks would do so, too, but those go to everybody who listens: after the end of a node a third
    of all processes ask all others within a second.
    """

    def __init__(self, context: Context, chains: SentChains) -> None:
        self._context = context
        self._chains = chains
        self._since: dict[bytes, float] = {}
        self._left: dict[bytes, deque[SentChain]] = {}  # what is still to be told, by asker

    def tell(self, asker: bytes, since: float, now: float) -> None:
        """Tell the last numbers of the chains that were used after ``since``, from now on."""
        since = min(since, self._since.get(asker, NEVER))
        chains = deque(chain for chain in self._chains if chain.at >= since)
        if chains and (asker in self._left or len(self._left) < self._context.bounds.peers):
            self._since[asker] = since
            self._left[asker] = chains
            self._context.alarm.by(now)

    def tell_topic(self, asker: bytes, topic: str, now: float) -> None:
        """Tell the last number of one topic, if it was used."""
        chain = self._chains.find(topic, now)
        if chain is not None:
            self._send(asker, [chain], now)

    def tick(self, now: float) -> float:
        """Tell as much as may be; return when to look next."""
        for asker in list(self._left)[:FRAMES]:
            left = self._left.pop(asker)
            count = min(len(left), self._context.bounds.audit_topics)
            self._send(asker, [left.popleft() for _ in range(count)], now)
            if left:
                self._left[asker] = left  # behind the others
            else:
                del self._since[asker]
        return now + self._context.bounds.tick_seconds if self._left else NEVER

    def _send(self, asker: bytes, chains: list[SentChain], now: float) -> None:
        topics = [Audited(c.topic, c.ident, c.last, milliseconds(now - c.at)) for c in chains]
        frame = pack_audit(self._context.identity, topics, is_answer=True)
        self._context.bus.publish_to(asker, frame)
