"""A process whose bus is a list: tests carry its frames by hand, lose them, and look at them."""

from __future__ import annotations

from channels_bridge.groups.reliable import frame_format
from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.frame_format import HEAD
from channels_bridge.groups.reliable.reliable_context import Loss
from channels_bridge.groups.reliable.reliable_topics import ReliableTopics

__all__ = ["NOW", "Recorder", "carry", "kind_of", "publish_lost"]

NOW = 1000.0
KINDS = "DATA MARK ASK RESENT NOTHING FORGOTTEN AWAY TOO_LONG HERE AUDIT UNHEARD".split()
NAMES = {getattr(frame_format, name): name for name in KINDS}


def kind_of(frame: bytes) -> str:
    """Return the name of a frame's kind."""
    return NAMES[HEAD.unpack_from(frame)[0]]


class Recorder:
    """A process.

    Attributes:
        published: frames to topics, each with its topic.
        told: control frames to one, each with the identity.
        told_all: control frames to all.
        delivered: payloads that arrived.
        events: the same, and losses, in their order.
        losses: declared losses.
        unheard: topics to subscribe anew.
    """

    def __init__(self, name: bytes, bounds: Bounds | None = None) -> None:
        self.identity = name.ljust(8, b".")
        self.published: list[tuple[str, bytes]] = []
        self.told: list[tuple[bytes, bytes]] = []
        self.told_all: list[bytes] = []
        self.delivered: list[bytes] = []
        self.events: list[object] = []
        self.losses: list[Loss] = []
        self.unheard: list[str] = []
        self.topics = ReliableTopics(
            identity=self.identity,
            bus=self,
            deliver=self.deliver,
            on_loss=self.lose,
            on_unheard=self.unheard.append,
            bounds=bounds or Bounds(),
        )

    def publish(self, topic: str, head: bytes, payload: bytes) -> None:
        """Record a frame to a topic."""
        self.published.append((topic, head + payload))

    def publish_to(self, identity: bytes, frame: bytes) -> None:
        """Record a control frame to one."""
        self.told.append((identity, frame))

    def publish_to_all(self, frame: bytes) -> None:
        """Record a control frame to all."""
        self.told_all.append(frame)

    def deliver(self, topic: str, sender: bytes, tag: int, payload: bytes) -> None:
        """Record what arrived."""
        self.delivered.append(payload)
        self.events.append(payload)

    def lose(self, loss: Loss) -> None:
        """Record a loss."""
        self.losses.append(loss)
        self.events.append(loss)

    def take(self) -> list[bytes]:
        """Return the frames that it has published to topics, once."""
        frames = [frame for _, frame in self.published]
        self.published.clear()
        return frames

    def take_marks(self) -> list[bytes]:
        """Return the marks among them."""
        return [frame for frame in self.take() if kind_of(frame) == "MARK"]

    def told_kinds(self) -> list[str]:
        """Return the kinds of the control frames to one, so far."""
        return [kind_of(frame) for _, frame in self.told]


def carry(one: Recorder, other: Recorder, now: float = NOW) -> None:
    """Carry all control frames between two processes, until there are none."""
    while one.told or other.told or one.told_all or other.told_all:
        for sender, receiver in ((one, other), (other, one)):
            frames = [frame for to, frame in sender.told if to == receiver.identity]
            frames += sender.told_all
            sender.told.clear()
            sender.told_all.clear()
            for frame in frames:
                receiver.topics.received_control(frame, now)


def publish_lost(sender: Recorder, topic: str, *payloads: bytes, now: float = NOW) -> None:
    """Publish what reaches nobody."""
    for payload in payloads:
        sender.topics.publish(topic, payload, now)
    sender.published.clear()
