"""Topics that were left a moment ago: who joins one again gets nothing twice."""

from __future__ import annotations

from typing import NamedTuple

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.chain_receiver import HeardChain

#: How many topics are remembered at most.
TOPICS = 10_000


class Left(NamedTuple):
    """How far a chain was delivered when its topic was left.

    Attributes:
        ident: the chain.
        last: the last number that was delivered.
        at: when it was heard last.
    """

    ident: int
    last: int
    at: float


class LeftTopics:
    """How far the chains of topics were delivered that this process has left.

    Joining again reaches back a little, by the way of a message: over what came before leaving.
    It need not be known for longer than senders keep what they could send again.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._seconds = 2 * bounds.keep_seconds
        self._topics: dict[str, dict[bytes, Left]] = {}

    def __len__(self) -> int:
        return len(self._topics)

    def leave(
        self, topic: str, chains: dict[bytes, HeardChain], earlier: dict[bytes, Left]
    ) -> None:
        """Note a topic that is left, with what was known when it was joined."""
        left = dict(earlier)
        for sender, chain in chains.items():
            last = chain.floor if chain.is_joining else chain.last
            left[sender] = Left(chain.ident, last, chain.heard_at)
        if not left:
            return
        self._topics[topic] = left
        if len(self._topics) > TOPICS:
            del self._topics[next(iter(self._topics))]

    def join(self, topic: str, now: float) -> dict[bytes, Left]:
        """Return what is known of a topic that is joined, by sender."""
        left = self._topics.pop(topic, {})
        return {sender: one for sender, one in left.items() if self._is_fresh(one, now)}

    def forget(self, now: float) -> None:
        """Forget those that were left long ago."""
        for topic in list(self._topics):
            if any(self._is_fresh(one, now) for one in self._topics[topic].values()):
                return
            del self._topics[topic]

    def _is_fresh(self, left: Left, now: float) -> bool:
        return now - left.at <= self._seconds
