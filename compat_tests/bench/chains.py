"""What a process remembers of others over NATS, in bytes: ``python -m compat_tests.bench.chains``.

Whoever hears a group keeps the last number of each process that has sent to it in the last two
minutes; whoever has sent to a group keeps its own number for a minute, and copies for less. Both
are the growth of this process' memory (RSS), with a receiver in as many groups as are asked for.
"""

from __future__ import annotations

import argparse
import gc
import random

import psutil

from channels_bridge.groups.reliable.reliable_topics import ReliableTopics

PROCESSES = 100
NOW = 1.0


class Bus:
    """Keeps what is published to a topic, for the receiver to get later."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []

    def publish(self, topic: str, head: bytes, payload: bytes) -> None:
        self.published.append((topic, head + payload))

    def publish_to(self, identity: bytes, frame: bytes) -> None:
        """Nobody is asked for anything."""

    def publish_to_all(self, frame: bytes) -> None:
        """Nobody is told anything."""


def make_topics(number: int, bus: Bus) -> ReliableTopics:
    """The topics of one process."""
    return ReliableTopics(
        identity=number.to_bytes(8, "big"),
        bus=bus,
        deliver=lambda topic, sender, tag, payload: None,
        on_loss=lambda loss: None,
        on_unheard=lambda topic: None,
    )


def measure(groups: int, senders: int) -> tuple[float, float]:
    """Bytes for each sender that is heard in a group, and for each group that is sent to."""
    bus = Bus()
    receiver = make_topics(PROCESSES, Bus())
    others = [make_topics(number, bus) for number in range(PROCESSES)]
    topics = [f"g:room-{number}" for number in range(groups)]
    for topic in topics:
        receiver.subscribed(topic, 0)
    pick = random.Random(1)
    start = memory()
    for topic in topics:
        for other in pick.sample(others, senders):
            other.publish(topic, b"", NOW)
    spoken = memory() - start
    start = memory()
    for topic, frame in bus.published:
        receiver.received(topic, frame, NOW)
    heard = memory() - start
    return heard / len(bus.published), spoken / len(bus.published)


def memory() -> int:
    """Bytes that this process has."""
    gc.collect()
    rss: int = psutil.Process().memory_info().rss
    return rss


def main() -> None:
    """Measure once, and print two lines."""
    parser = argparse.ArgumentParser(prog="python -m compat_tests.bench.chains")
    add = parser.add_argument
    add("--groups", type=int, default=6_000, metavar="N", help="default: 6000")
    add("--senders", type=int, default=7, metavar="N", help="of each group (default: 7)")
    options = parser.parse_args()
    heard, spoken = measure(options.groups, options.senders)
    print(f"each sender that is heard in a group: {heard:.0f} bytes")
    print(f"each group that is sent to: {spoken:.0f} bytes, an empty message's copy included")


if __name__ == "__main__":
    main()
