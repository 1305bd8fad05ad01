"""A flood of messages comes in portions, between which those have a turn who have got some."""

from __future__ import annotations

import asyncio

from channels_bridge.groups.nats.client.nats_parser import PORTION, NatsParser
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.conftest import Connect

MESSAGES = 5000


async def test_a_turn_after_each_portion(connect: Connect, prefix: str) -> None:
    """Whoever is woken by a message runs before there are more than a portion of them."""
    loop = asyncio.get_running_loop()
    waiting: list[bytes] = []
    taken: list[list[bytes]] = []

    def take() -> None:
        taken.append(waiting.copy())
        waiting.clear()

    def receive(key: object, payload: bytes, reply: bytes) -> None:
        if not waiting:
            loop.call_soon(take)
        waiting.append(payload)

    here, there = await connect(), await connect(on_message=receive)
    await there.subscribe(f"{prefix}.a")
    sent = [b"%d" % number for number in range(MESSAGES)]
    for payload in sent:
        here.connection.publish(f"{prefix}.a", payload)
    await until(lambda: sum(map(len, taken)) >= MESSAGES)
    assert [payload for portion in taken for payload in portion] == sent
    assert max(map(len, taken)) <= PORTION
    await soon(there.connection.flush(10))  # it reads again


class Events:
    """Counts messages, and notes what else comes."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def received_message(self, subject: bytes, number: int, *rest: bytes) -> None:
        self.seen.append(rest[-1])

    def received_pong(self) -> None:
        self.seen.append(b"PONG")


def test_what_follows_a_portion_waits() -> None:
    """The parser stops after a portion, whatever comes behind it, and goes on when it is asked."""
    events = Events()
    parser = NatsParser(events)  # type: ignore[arg-type]
    message = b"MSG a 1 1\r\nx\r\n"
    parser.feed(message * PORTION)
    assert (len(events.seen), parser.is_behind) == (PORTION, False)
    parser.feed(message * (PORTION + 1) + b"PONG\r\n" + message[:5])
    assert (len(events.seen), parser.is_behind) == (2 * PORTION, True)
    parser.feed(b"")
    assert events.seen[2 * PORTION :] == [b"x", b"PONG"]
    assert not parser.is_behind
    parser.feed(message[5:])
    assert events.seen[-1] == b"x"
