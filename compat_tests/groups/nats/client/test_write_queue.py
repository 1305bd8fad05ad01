"""What waits to be written to a node."""

from __future__ import annotations

from collections.abc import Callable

from channels_bridge.groups.nats.client.write_queue import ASKED_AFTER, WriteQueue

SUBSCRIBE = b"SUB mysite.g.room 7\r\n"


class Link:
    """Takes everything at once."""

    is_paused = False

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def ask(self, write: Callable[[bytes], None]) -> None:
        write(b"PING\r\n")


async def test_subscriptions_come_first() -> None:
    """What waited for a link is written behind what the link begins with."""
    queue, link = WriteQueue(), Link()
    queue.publish(b"PUB mysite.g.room 1\r\nx\r\n")
    queue.attach(link, [SUBSCRIBE])
    assert b"".join(link.written) == SUBSCRIBE + b"PUB mysite.g.room 1\r\nx\r\n"


async def test_signs_of_life_in_between() -> None:
    """A node that is given many subscriptions is asked about again and again in between."""
    count = 10 * ASKED_AFTER // len(SUBSCRIBE)
    queue, link = WriteQueue(), Link()
    queue.attach(link, [SUBSCRIBE] * count)
    text = b"".join(link.written)
    assert (text.count(b"SUB "), text.count(b"PING")) == (count, 9)
    between = text.split(b"PING\r\n")
    assert max(map(len, between)) <= ASKED_AFTER + len(SUBSCRIBE)
