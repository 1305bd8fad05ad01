"""Each subscription is made once, whatever the link does meanwhile."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable

import pytest

from channels_bridge.groups.nats.client.subscriptions import Subscriptions
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.clients import Client
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.groups.nats.tcp_proxy import TcpProxy

MANY = 10_000


def known_to(server: NatsServer, client: Client) -> Counter[str]:
    """The subjects that a node has under a client's name, but for the one of replies."""
    (connection,) = server.connections(client.name)
    listed = server.ask(f"connz?subs=1&cid={connection['cid']}")["connections"][0]
    subjects = Counter(listed.get("subscriptions_list", []))
    del subjects[f"replies.{client.name}.*"]
    return subjects


@pytest.mark.parametrize("when", ["before", "while", "after"])
async def test_many_at_once(
    make_client: Callable[..., Client],
    connect: Connect,
    nats_server: NatsServer,
    prefix: str,
    when: str,
) -> None:
    """Ten thousand, before, while and after connecting: each gets its message, once."""
    client, other = make_client(), await connect()
    if when != "before":
        client.connection.start()
    if when == "after":
        await until(lambda: client.connection.connected)
    for number in range(MANY):
        client.connection.subscribe(f"{prefix}.{number}", number)
        if when == "while" and number % 100 == 0:
            await asyncio.sleep(0)
    if when == "before":
        client.connection.start()
    await soon(client.connection.flush(30))
    for number in range(MANY):
        other.connection.publish(f"{prefix}.{number}", b"")
    await client.receive(MANY)
    await soon(client.connection.flush(30))
    assert [key for key, _, _ in client.received] == list(range(MANY))


async def test_each_moment_of_a_greeting(
    make_client: Callable[..., Client], nats_server: NatsServer, prefix: str
) -> None:
    """One that is made or ended in whichever step of the greeting is made or ended."""

    async def delay(data: bytes) -> bytes:
        await asyncio.sleep(0.02)
        return data

    with TcpProxy(nats_server.port, delay) as proxy:
        client = make_client(f"127.0.0.1:{proxy.port}")
        client.connection.start()
        wanted = await subscribe_at_random(client, prefix, lambda: client.connection.connected)
        await soon(client.connection.flush(10))
        assert known_to(nats_server, client) == wanted
        await client.connection.aclose()


async def test_each_moment_of_reconnections(make_client: Callable[..., Client]) -> None:
    """The same while links end and begin, in any of their steps."""
    with NatsServer() as server, TcpProxy(server.port) as proxy:
        client = make_client(f"127.0.0.1:{proxy.port}")
        await client.connect()

        async def cut() -> None:
            for delay in range(20):
                await until(lambda: client.connection.connected)
                await asyncio.to_thread(proxy.cut)
                proxy.heal()
                await asyncio.sleep(delay / 1000)  # so that the next cut meets another step

        cutting = asyncio.create_task(cut())
        wanted = await subscribe_at_random(client, "a", cutting.done)
        await cutting
        await until(lambda: client.connection.connected)
        await soon(client.connection.flush(10))
        assert known_to(server, client) == wanted
        assert client.connection.reconnects >= 10
        await client.connection.aclose()


async def subscribe_at_random(
    client: Client, prefix: str, is_over: Callable[[], bool]
) -> Counter[str]:
    """Subscribe and unsubscribe in each round of the loop. Returns what is left in the end."""
    choose = random.Random(1)
    wanted: dict[int, str] = {}
    number = 0
    while not is_over():
        number += 1
        wanted[number] = f"{prefix}.{number}"
        client.connection.subscribe(wanted[number], number)
        if choose.random() < 0.5:
            key = choose.choice(list(wanted))
            client.connection.unsubscribe(key)
            del wanted[key]
        await asyncio.sleep(0 if number % 10 else 0.001)
    return Counter(wanted.values())


def test_memory() -> None:
    """A subscription takes less than 300 bytes, the strings of its user's not counted."""
    subjects = [f"mysite.g.room-{number}" for number in range(MANY)]
    subscriptions = Subscriptions()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for subject in subjects:
        subscriptions.add(subject, subject)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / MANY < 300
