"""A sender's chains: what was published to each topic, numbered, and kept for a while."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from channels_bridge.groups.reliable.due_queue import NEVER
from channels_bridge.groups.reliable.frame_format import DATA, HEAD
from channels_bridge.groups.reliable.reliable_context import Context

#: What keeping a message costs besides its payload, in bytes, about.
KEEPING = 200

#: A chain that will be forgotten in so many seconds may be before others have heard of it.
NEARLY = 2.0


class SentChain:
    """What this process has published to a topic since it began to use it.

    Attributes:
        topic: the topic.
        ident: tells it from earlier and later chains on the topic; upwards. It is a time, so it
            does not run out however many topics there are.
        began: when its first message was sent.
        last: number of the last message; the first has 1.
        at: when that was sent.
        kept: time, tag and payload of the last messages.
        dropped_at: when the last one that is no longer kept was sent.
        unmarked: whether its last number has not been said since.
    """

    __slots__ = (
        "at",
        "began",
        "dropped_at",
        "ident",
        "kept",
        "last",
        "topic",
        "unmarked",
    )

    def __init__(self, topic: str, ident: int, now: float) -> None:
        self.topic = topic
        self.ident = ident
        self.began = self.at = now
        self.last = 0
        self.kept: deque[tuple[float, int, bytes]] = deque()
        self.dropped_at = -NEVER
        self.unmarked = False

    @property
    def oldest(self) -> int:
        """Number of the oldest message that is kept; the next one's when there is none."""
        return self.last - len(self.kept) + 1

    def kept_after(self, number: int, count: int) -> list[tuple[float, int, bytes]]:
        """Return the first ones kept after ``number``, ``count`` at most.

        Those before are moved and not looked at, which is faster by far: there may be 100,000.
        """
        skipped = max(number - self.oldest + 1, 0)
        self.kept.rotate(-skipped)
        messages = list(islice(self.kept, max(min(count, len(self.kept) - skipped), 0)))
        self.kept.rotate(skipped)
        return messages

    def count_kept_before(self, at: float) -> int:
        """Return how many of those kept were sent before ``at``."""
        return bisect_left(self.kept, at, key=lambda message: message[0])


class SentChains:
    """All chains of this process, and what is kept of them.

    Attributes:
        kept_bytes: how much is kept.
        window: for how long messages are kept, in seconds: less than ``Bounds.keep_seconds`` while
            ``Bounds.keep_bytes`` does not suffice for that.
        forgotten_at: when the last message of those chains that are forgotten was sent.
    """

    def __init__(self, context: Context, note_unmarked: Callable[[SentChain, float], None]) -> None:
        self._identity = context.identity
        self._bounds = context.bounds
        self._send = context.bus.publish
        self._note_unmarked = note_unmarked
        self._remember_seconds = context.bounds.remember_seconds
        self._keep_bytes = context.bounds.keep_bytes
        self._chains: dict[str, SentChain] = {}
        self._first_at: float | None = None  # when the first chain of all was begun
        self._kept: deque[SentChain] = deque()  # of each message that is kept, oldest first
        self.kept_bytes = 0
        self.window = context.bounds.keep_seconds
        self.forgotten_at = -NEVER

    def __len__(self) -> int:
        return len(self._chains)

    @property
    def kept(self) -> int:
        """How many messages are kept."""
        return len(self._kept)

    def publish(self, topic: str, payload: bytes, now: float, tag: int) -> None:
        """Number a message, keep it and send it."""
        chain = self._chains.get(topic)
        if chain is None or now - chain.at > self._remember_seconds:
            chain = self._begin(topic, now)
        age = int((now - chain.at) * 1000)
        chain.last = number = chain.last + 1
        chain.at = now
        chain.kept.append((now, tag, payload))
        self._kept.append(chain)
        self.kept_bytes += len(payload) + KEEPING
        if self.kept_bytes > self._keep_bytes:
            self._drop_for_room(now)
        if not chain.unmarked:
            self._note_unmarked(chain, now)
        self._send(topic, HEAD.pack(DATA, tag, self._identity, chain.ident, number, age), payload)

    def _begin(self, topic: str, now: float) -> SentChain:
        if (old := self._chains.get(topic)) is not None:
            self.forgotten_at = max(self.forgotten_at, old.at)
        if self._first_at is None:
            self._first_at = now
        # Two on one topic are further apart than a chain is remembered.
        ident = int(2 * (now - self._first_at) / self._remember_seconds) + 1
        self._chains[topic] = chain = SentChain(topic, ident, now)
        return chain

    def find(self, topic: str, now: float) -> SentChain | None:
        """Return the chain of ``topic``; None when there is none, or none any more."""
        chain = self._chains.get(topic)
        return chain if chain is not None and self._is_remembered(chain, now) else None

    def remembered(self, now: float) -> Iterator[SentChain]:
        """Iterate over all chains that are not forgotten."""
        return (chain for chain in self._chains.values() if self._is_remembered(chain, now))

    def __iter__(self) -> Iterator[SentChain]:
        """Iterate over all chains, those included that are about to be forgotten."""
        return iter(self._chains.values())

    def _is_remembered(self, chain: SentChain, now: float) -> bool:
        return now - chain.at <= self._remember_seconds

    def tick(self, now: float) -> float:
        """Drop what was kept for long enough; return when to look next."""
        expired = now - self._bounds.keep_seconds
        while self._kept and self._kept[0].kept[0][0] <= expired:
            self._drop()
            self.window = self._bounds.keep_seconds
        if not self._kept:
            return NEVER
        # Not for each message: they are kept a little longer, and dropped many at a time.
        return max(self._kept[0].kept[0][0] + self._bounds.keep_seconds, now + 0.5)

    def forget(self, now: float) -> None:
        """Forget the chains that were not used for long. Looks at all of them."""
        for chain in [c for c in self._chains.values() if not self._is_remembered(c, now)]:
            self.forgotten_at = max(self.forgotten_at, chain.at)
            del self._chains[chain.topic]

    def has_forgotten(self, since: float, now: float) -> bool:
        """Whether something that was sent after ``since`` is of a forgotten chain, or nearly."""
        oldest = now - self._remember_seconds + NEARLY
        if since > oldest:
            return False
        self.forget(now)
        return self.forgotten_at >= since or any(
            since <= chain.at < oldest for chain in self._chains.values()
        )

    def _drop_for_room(self, now: float) -> None:
        while self._kept and self.kept_bytes > self._keep_bytes:
            self.window = now - self._drop()

    def _drop(self) -> float:
        """Keep the oldest message no longer, and return when it was sent."""
        chain = self._kept.popleft()
        at, _, payload = chain.kept.popleft()
        self.kept_bytes -= len(payload) + KEEPING
        chain.dropped_at = at
        return at
