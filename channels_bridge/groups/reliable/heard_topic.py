"""A topic that this process has subscribed, and what frames say of the chains on it."""

from __future__ import annotations

from typing import NamedTuple

from channels_bridge.groups.reliable.chain_receiver import HeardChain
from channels_bridge.groups.reliable.due_queue import NEVER
from channels_bridge.groups.reliable.frame_format import LONGEST
from channels_bridge.groups.reliable.left_topics import Left


class Sign(NamedTuple):
    """What a frame says of a chain.

    Attributes:
        sender: whose chain.
        ident: which chain.
        number: a number in it.
        age: in milliseconds: of the one before, in a message; else of this one.
        is_message: whether the frame is the message of that number.
    """

    sender: bytes
    ident: int
    number: int
    age: int
    is_message: bool


class HeardTopic:
    """A topic that this process has subscribed.

    Attributes:
        since: when.
        chains: those that are heard, by sender.
        has_forgotten: whether there were other chains, of which nothing was heard for long.
        left: how far chains were delivered when the topic was left before.
        renewed_at: when it was found that the bus did not bring it, last.
    """

    __slots__ = ("chains", "has_forgotten", "left", "renewed_at", "since")

    def __init__(self, since: float, left: dict[bytes, Left]) -> None:
        self.since = since
        self.left = left
        self.chains: dict[bytes, HeardChain] = {}
        self.has_forgotten = False
        self.renewed_at = -NEVER

    def begin_chain(self, topic: str, sign: Sign, token: int, now: float) -> HeardChain:
        """Begin the chain of which ``sign`` is the first that is heard."""
        before = sign.number - sign.is_message
        left = self.left.get(sign.sender)
        floor = left.last if left is not None and left.ident == sign.ident else 0
        chain = HeardChain(topic, sign.sender, sign.ident, token, max(before, floor))
        chain.floor = floor
        chain.heard_at = now
        if before > floor and now - sign.age / 1000 >= self.since:
            # Something that was sent since this process listens has not arrived. Rounded up, and
            # reckoned without the way of the frame: rather a message too early than one too few.
            listening = now - self.since - (0 if sign.is_message else sign.age / 1000)
            chain.join(sign.number, min(int(listening * 1000) + 1, LONGEST))
        self.chains[sign.sender] = chain
        return chain
