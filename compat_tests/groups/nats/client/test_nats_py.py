"""NATS' own client for Python understands ours, and ours understands it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import nats
import pytest
from nats.aio.client import Client as NatsPy
from nats.aio.msg import Msg

from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.nats_py_client import flush
from compat_tests.groups.nats.nats_servers import NatsServer

PAYLOADS = [b"", b"text", bytes(range(256)) * 10, b"PUB x 0\r\n\r\n", bytes(1024 * 1024)]


@pytest.fixture
async def theirs(nats_server: NatsServer) -> AsyncIterator[NatsPy]:
    """A connection of nats-py."""
    client = await nats.connect(nats_server.url)
    yield client
    await client.close()


async def test_they_publish(theirs: NatsPy, connect: Connect, prefix: str) -> None:
    """What they publish comes here, byte for byte; their headers do no harm."""
    ours = await connect()
    await ours.subscribe(prefix)
    for number, payload in enumerate(PAYLOADS):
        await theirs.publish(prefix, payload)
        headers = {"Number": str(number)} if len(payload) < 1000 else None
        await theirs.publish(prefix, payload, reply="to.them", headers=headers)
    twice = [payload for payload in PAYLOADS for _ in range(2)]
    assert await ours.receive(len(twice)) == twice
    assert [reply for _, _, reply in ours.received] == [b"", b"to.them"] * len(PAYLOADS)


async def test_we_publish(theirs: NatsPy, connect: Connect, prefix: str) -> None:
    """What we publish comes there, with headers and reply."""
    ours = await connect()
    received: list[Msg] = []

    async def take(message: Msg) -> None:
        received.append(message)

    await theirs.subscribe(prefix, cb=take)
    await flush(theirs)
    for payload in PAYLOADS:
        ours.connection.publish(prefix, payload[:10], payload[10:], reply="to.us")
    ours.connection.publish(prefix, b"last", headers={"A": "b: c", "D": ""})
    await until(lambda: len(received) == len(PAYLOADS) + 1)
    assert [message.data for message in received] == [*PAYLOADS, b"last"]
    assert {message.reply for message in received} == {"to.us", ""}
    assert received[-1].headers == {"A": "b: c", "D": ""}


async def test_requests(theirs: NatsPy, connect: Connect, prefix: str) -> None:
    """Both answer each other's requests."""
    ours = await connect()

    async def answer(message: Msg) -> None:
        await message.respond(message.data.upper())

    await theirs.subscribe(f"{prefix}.theirs", cb=answer)
    await flush(theirs)
    reply = await soon(ours.connection.request(f"{prefix}.theirs", b"from us", timeout=10))
    assert reply.payload == b"FROM US"
    await ours.subscribe(f"{prefix}.ours")
    asking = theirs.request(f"{prefix}.ours", b"from them", timeout=10)
    task = asyncio.ensure_future(asking)
    await ours.receive(1)
    _, payload, reply_subject = ours.received[0]
    ours.connection.publish(reply_subject.decode(), payload.upper(), headers={"Status": "fine"})
    answered = await soon(task)
    assert (answered.data, answered.headers) == (b"FROM THEM", {"Status": "fine"})
