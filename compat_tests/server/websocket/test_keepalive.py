"""Pings of many clients on one timer."""

from __future__ import annotations

import asyncio
from collections import deque

from channels_bridge.server.websocket.keepalive import Keepalive
from compat_tests.engine import DEADLINE, until


class Client:
    """Answers the pings that it gets, or not."""

    def __init__(self, keepalive, answers=True):
        self.keepalive = keepalive
        self.answers = answers
        self.pinged = None
        self.turn = None
        self.pings = deque()
        self.overdue = 0

    def ping(self, payload):
        self.pings.append(payload)
        if self.answers:
            asyncio.get_running_loop().call_soon(self.keepalive.answered, self, payload)

    def pong_overdue(self):
        self.overdue += 1


async def test_each_client_is_pinged_again_and_again():
    """A client that answers is pinged after each interval, whenever it came."""
    keepalive = Keepalive(interval=0.05, timeout=DEADLINE)
    clients = [Client(keepalive) for _ in range(50)]
    for client in clients:
        keepalive.start(client)
        await asyncio.sleep(0)
    await until(lambda: all(len(client.pings) >= 3 for client in clients))
    assert not any(client.overdue for client in clients)
    assert len({ping for client in clients for ping in client.pings}) > 50
    for client in clients:
        keepalive.stop(client)


async def test_clients_that_do_not_answer():
    """Only they are told that their pong is overdue, once until they are given more time."""
    keepalive = Keepalive(interval=0.02, timeout=0.05)
    mute, other = Client(keepalive, answers=False), Client(keepalive)
    keepalive.start(mute)
    keepalive.start(other)
    await until(lambda: mute.overdue)
    keepalive.wait(mute)
    await until(lambda: mute.overdue == 2)
    assert len(mute.pings) == 1
    keepalive.answered(mute, b"another ping's")
    assert mute.pinged == mute.pings[0]
    keepalive.answered(mute, mute.pings[0])
    await until(lambda: len(mute.pings) == 2)
    assert not other.overdue
    keepalive.stop(other)
    keepalive.stop(mute)


async def test_clients_that_end():
    """A client that is stopped hears nothing any more, others in its turn included that stop it."""
    keepalive = Keepalive(interval=0.02, timeout=DEADLINE)
    clients = [Client(keepalive, answers=False) for _ in range(3)]

    def stop_all(payload):
        pinged.append(payload)
        for client in clients:
            keepalive.stop(client)

    pinged = []
    last = Client(keepalive)
    for client in clients:
        client.ping = stop_all
        keepalive.start(client)
    keepalive.start(last)
    await until(lambda: len(last.pings) >= 3)
    assert 1 <= len(pinged) <= 3
    assert all(client.turn is None for client in clients[1:]) or pinged
    keepalive.stop(last)


async def test_no_pings():
    """An interval of 0 sends none."""
    keepalive = Keepalive(interval=0, timeout=20)
    client = Client(keepalive)
    keepalive.start(client)
    assert client.turn is None
