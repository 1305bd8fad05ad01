"""What a connection promises its users, on a node that lives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import NO_RESPONDERS, Reply
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.clients import Client
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.nats_servers import NatsServer


async def test_messages_reach_subscribers(connect: Connect, prefix: str) -> None:
    """A message comes under its subscription's key, and not to who has published it."""
    here, there = await connect(), await connect()
    await here.subscribe(f"{prefix}.a")
    there.connection.subscribe(f"{prefix}.a", ("any", "key"))
    await soon(there.connection.flush(10))
    here.connection.publish(f"{prefix}.a", b"one", b" ", b"two", reply="answer.here")
    await there.receive(1)
    await soon(here.connection.flush(10))
    assert there.received == [(("any", "key"), b"one two", b"answer.here")]
    assert here.received == []


async def test_order_across_subjects(connect: Connect, prefix: str) -> None:
    """What one connection publishes to several subjects comes in that order."""
    here, there = await connect(), await connect()
    subjects = [f"{prefix}.{number}" for number in range(10)]
    await there.subscribe(*subjects)
    sent = [b"%d" % number for number in range(2000)]
    for number, payload in enumerate(sent):
        here.connection.publish(subjects[number % 10], payload)
        if number % 7 == 0:
            await asyncio.sleep(0)
    assert await there.receive(len(sent)) == sent


async def test_published_while_it_closes(
    connect: Connect,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What others publish while it waits for the node to have everything is sent as well."""
    here, there = await connect(), await connect()
    await there.subscribe(f"{prefix}.a")
    flush, late = here.connection.flush, [b"late"]

    async def flush_and_publish(timeout: float) -> None:
        await flush(timeout)
        if late:
            here.connection.publish(f"{prefix}.a", late.pop())

    monkeypatch.setattr(here.connection, "flush", flush_and_publish)
    await soon(here.connection.aclose())
    assert await there.receive(1) == [b"late"]
    assert "not sent" not in caplog.text


async def test_unsubscribe(connect: Connect, prefix: str) -> None:
    """Nothing comes under a key that has unsubscribed, and it may subscribe again."""
    here, there = await connect(), await connect()
    await there.subscribe(f"{prefix}.a", f"{prefix}.b")
    here.connection.publish(f"{prefix}.a", b"late")
    there.connection.unsubscribe(f"{prefix}.a")
    there.connection.unsubscribe("never subscribed")
    await soon(here.connection.flush(10))
    await soon(there.connection.flush(10))
    assert there.received == []
    there.connection.subscribe(f"{prefix}.c", f"{prefix}.a")
    await soon(there.connection.flush(10))
    here.connection.publish(f"{prefix}.c", b"again")
    await there.receive(1)
    assert there.received == [(f"{prefix}.a", b"again", b"")]


async def test_one_subscription_of_a_key(make_client: Callable[..., Client]) -> None:
    """A second subscription under a key would hide the first."""
    connection = make_client().connection
    connection.subscribe("a", 1)
    with pytest.raises(ValueError, match="1 has subscribed to 'a' already"):
        connection.subscribe("b", 1)


@pytest.mark.parametrize("subject", ["", "a b", "a\r\nPUB x 0", "\u00e9", "a\0", "x" * 2000])
async def test_no_subject_becomes_syntax(make_client: Callable[..., Client], subject: str) -> None:
    """A subject that would be read as something else is refused, wherever it stands."""
    connection = make_client().connection
    with pytest.raises(ValueError, match="can't be a subject"):
        connection.subscribe(subject, 1)
    with pytest.raises(ValueError, match="can't be a subject"):
        connection.publish(subject, b"")
    if subject:
        with pytest.raises(ValueError, match="can't be a subject"):
            connection.publish("a", b"", reply=subject)
    connection.subscribe("a", 1)  # nothing of it is left


async def test_request(connect: Connect, prefix: str) -> None:
    """A request gets the first reply to it, headers included, whoever else is asking."""
    here, there = await connect(), await connect()
    await there.subscribe(f"{prefix}.a", f"{prefix}.b")

    async def answer() -> None:
        await there.receive(2)
        for key, payload, reply in reversed(there.received):
            headers = {"Key": key} if key.endswith("b") else None
            there.connection.publish(reply.decode(), payload.upper(), headers=headers)
            there.connection.publish(reply.decode(), b"too late")

    requests = [here.connection.request(f"{prefix}.{a}", a.encode(), timeout=10) for a in "ab"]
    first, second, _ = await soon(asyncio.gather(*requests, answer()))
    assert first == Reply(b"A")
    assert second == Reply(b"B", headers={"Key": f"{prefix}.b"})


async def test_no_responders(connect: Connect, prefix: str) -> None:
    """That nobody listens is an answer, too, and comes at once."""
    client = await connect()
    reply = await soon(client.connection.request(f"{prefix}.nobody", b"", timeout=10))
    assert reply.status == NO_RESPONDERS


async def test_request_that_nobody_answers(connect: Connect, prefix: str) -> None:
    """A request whose answer doesn't come says so."""
    here, there = await connect(), await connect()
    await there.subscribe(prefix)
    with pytest.raises(NatsUnavailable, match=r"within 0\.05 seconds"):
        await soon(here.connection.request(prefix, b"", timeout=0.05))


async def test_request_many(connect: Connect, prefix: str) -> None:
    """All replies come until they are cancelled."""
    here, one, two = await connect(), await connect(), await connect()
    replies: list[Reply] = []
    for other in (one, two):
        await other.subscribe(prefix)
    cancel = here.connection.request_many(prefix, b"", replies.append)
    for number, other in enumerate((one, two)):
        await other.receive(1)
        subject = other.received[0][2].decode()
        other.connection.publish(subject, b"%d" % number, reply="more.of.it")
    await until(lambda: len(replies) == 2)
    assert sorted(reply.payload for reply in replies) == [b"0", b"1"]
    assert {reply.reply for reply in replies} == {"more.of.it"}
    cancel()
    one.connection.publish(subject, b"too late")
    await soon(one.connection.flush(10))
    await soon(here.connection.flush(10))
    assert len(replies) == 2


async def test_replies_of_jetstream(connect: Connect, prefix: str) -> None:
    """What JetStream hands out comes under the subject that it was published to."""
    client = (await connect()).connection
    stream = {"name": prefix, "subjects": [f"{prefix}.>"], "storage": "memory"}
    consumer = {"stream_name": prefix, "config": {"durable_name": "c", "ack_policy": "explicit"}}
    for question, options in (
        (f"STREAM.CREATE.{prefix}", stream),
        (f"CONSUMER.CREATE.{prefix}.c", consumer),
    ):
        reply = await client.request(
            f"$JS.API.{question}", json.dumps(options).encode(), timeout=10
        )
        assert "error" not in json.loads(reply.payload)
    await client.request(f"{prefix}.a", b"work", timeout=10)
    replies: list[Reply] = []
    next_one = f"$JS.API.CONSUMER.MSG.NEXT.{prefix}.c"
    cancel = client.request_many(next_one, b'{"batch": 2}', replies.append, own_subject=True)
    await until(lambda: len(replies) == 1)
    assert replies[0].payload == b"work"
    acknowledged = await client.request(replies[0].reply, b"+ACK", timeout=10)
    assert acknowledged.status is None
    cancel()
    await client.request(f"{prefix}.a", b"too late", timeout=10)
    await soon(client.flush(10))
    assert len(replies) == 1


async def test_info(connect: Connect, nats_server: NatsServer) -> None:
    """A connection knows its node, and the node knows its name."""
    client = await connect(name="host/17")
    info = client.connection.info
    assert (info.server_name, info.version, info.jetstream) == ("n1", "2.15.1", True)
    assert (info.max_payload, info.cluster) == (1024 * 1024, "")
    assert len(nats_server.connections("host/17")) == 1
    assert client.greetings == [True]


async def test_node_without_a_name(connect: Connect) -> None:
    """It is called by its address: the ID by which it calls itself is another after each start."""
    with NatsServer(name="") as server:
        client = await connect(server.url)
        assert client.connection.info.server_name == server.url
        await client.connection.aclose()


async def test_round_trip(connect: Connect) -> None:
    """The time to the node and back is measured."""
    client = await connect(ping_interval=0.01)
    await until(lambda: client.connection.round_trip is not None)
    assert 0 < (client.connection.round_trip or 0) < 30


async def test_message_of_the_largest_size(connect: Connect, prefix: str) -> None:
    """A message as large as the node allows comes; a larger one is refused before it is sent."""
    here, there = await connect(), await connect()
    await there.subscribe(prefix)
    largest = bytes(here.connection.info.max_payload)
    here.connection.publish(prefix, largest)
    assert await there.receive(1) == [largest]
    with pytest.raises(ValueError, match="1048577 bytes, where n1 allows 1048576: raise"):
        here.connection.publish(prefix, largest, b"x")
    with pytest.raises(ValueError, match="raise its `max_payload`"):
        here.connection.publish(prefix, largest, headers={"a": "b"})


async def test_handler_that_raises(
    connect: Connect, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What a handler raises is logged, and the messages after it come."""
    numbers: list[bytes] = []

    def handle(key: object, payload: bytes, reply: bytes) -> None:
        numbers.append(payload)
        assert payload != b"1", "a bad message"

    here, there = await connect(), await connect(on_message=handle)
    await there.subscribe(prefix)
    for number in range(3):
        here.connection.publish(prefix, b"%d" % number)
    await until(lambda: len(numbers) == 3)
    assert "a bad message" in caplog.text


async def test_closing_sends_what_waits(connect: Connect, prefix: str) -> None:
    """What was published just before the end is not lost."""
    here, there = await connect(), await connect()
    await there.subscribe(prefix)
    for number in range(1000):
        here.connection.publish(prefix, b"%d" % number)
    await soon(here.connection.aclose())
    assert len(await there.receive(1000)) == 1000


async def test_cancelled_as_the_reply_comes(connect: Connect) -> None:
    """Whoever was cancelled is cancelled, though the reply was there a moment before."""
    client = await connect()
    request = asyncio.create_task(client.connection.request("nobody.here", b"", timeout=30))
    await asyncio.sleep(0)
    client.connection._traffic.requests.received(b"replies.1", Reply(b"reply"))
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
