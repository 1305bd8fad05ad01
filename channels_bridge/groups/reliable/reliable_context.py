"""What the parts of the reliable layer in one process share: the bus, the bounds, the counters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.due_queue import Alarm

#: Called with a topic, the sender's identity, the tag and the payload. Must not raise. May publish,
#: subscribe and unsubscribe.
Deliver = Callable[[str, bytes, int, bytes], None]


class Bus(Protocol):
    """What carries frames, each at most once. Never raises; what can't be sent is dropped."""

    def publish(self, topic: str, head: bytes, payload: bytes) -> None:
        """Send a frame of two parts to all who subscribed ``topic``, but not to this process."""

    def publish_to(self, identity: bytes, frame: bytes) -> None:
        """Send a control frame to the process ``identity``."""

    def publish_to_all(self, frame: bytes) -> None:
        """Send a control frame to every other process."""


@dataclass(frozen=True)
class Loss:
    """A declared loss: messages that were sent, and will not arrive.

    Attributes:
        topic: the topic; empty when it may be any.
        sender: identity of the process that sent them.
        count: how many; None when that is not known.
        reason: why, as a clause: "the sender no longer keeps them".
    """

    topic: str
    sender: bytes
    count: int | None
    reason: str


@dataclass
class Counters:
    """What happened in this process since it began (see ``ReliableStatistics``)."""

    gaps: int = 0
    asked: int = 0
    resent: int = 0
    recovered: int = 0
    missed: int = 0
    marks: int = 0
    duplicates: int = 0
    late_joins: int = 0
    unreadable: int = 0


@dataclass
class Context:
    """What the parts of the layer share.

    Attributes:
        identity: eight bytes that tell this process from all others.
        bus, deliver, bounds, on_loss: as given to ``ReliableTopics``.
        counters: what happened.
        alarm: when ``tick()`` has to be called next.
    """

    identity: bytes
    bus: Bus
    deliver: Deliver
    bounds: Bounds
    on_loss: Callable[[Loss], None]
    counters: Counters = field(default_factory=Counters)
    alarm: Alarm = field(default_factory=Alarm)

    def declare(self, loss: Loss) -> None:
        """Count a loss, one where the number is not known, and tell."""
        self.counters.missed += 1 if loss.count is None else loss.count
        self.on_loss(loss)
