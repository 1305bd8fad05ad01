"""What topics over NATS do between the connection and the reliable layer, without a node."""

from __future__ import annotations

import asyncio
import time

import pytest

from channels_bridge.groups.nats import nats_topics, pieces
from channels_bridge.groups.nats.client.server_info import ServerInfo
from channels_bridge.groups.nats.nats_topics import MAX_UNKNOWN, OVERHEAD, NatsTopics
from channels_bridge.groups.nats.subjects import MAX_TOKEN, Subjects
from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.reliable_context import Loss
from channels_bridge.groups.reliable.reliable_topics import overhead
from compat_tests.groups.hubs import until

A, B = b"proces-a", b"proces-b"
MIB = 1024 * 1024


class Wire:
    """Connections that bring what others publish at once."""

    def __init__(self):
        self.connections = []

    def connect(self):
        self.connections.append(FakeConnection(self))
        return self.connections[-1]


class FakeConnection:
    """One of them."""

    def __init__(self, wire):
        self.wire = wire
        self.info = ServerInfo(server_name="n1", max_payload=64 * 1024)
        self.heard_at = None
        self.subjects = {}
        self.sizes = []
        self.lose = lambda subject: False
        self.topics = None

    def subscribe(self, subject, key):
        assert key not in self.subjects
        self.subjects[key] = subject

    def unsubscribe(self, key):
        del self.subjects[key]

    def publish(self, subject, *parts):
        payload = b"".join(parts)
        self.sizes.append(len(payload))
        if len(payload) > self.info.max_payload:
            raise ValueError("too large")
        if self.lose(subject):
            return False
        for other in self.wire.connections:
            for key, wanted in list(other.subjects.items()):
                if other is not self and wanted == subject:
                    other.bring(key, payload)
        return True

    def bring(self, key, payload):
        """What a node brings."""
        if isinstance(key, str):
            self.topics.received(key, payload)
        else:
            key(payload, b"")


class Process:
    """Topics on a connection, and what came."""

    def __init__(self, wire, identity, held_bytes=4 * MIB):
        self.came = []
        self.connection = wire.connect()
        self.topics = self.connection.topics = NatsTopics(
            self.connection,
            Subjects("mysite", identity),
            identity=identity,
            bounds=Bounds(),
            held_bytes=held_bytes,
            handle=lambda *message: self.came.append(message),
        )


@pytest.fixture
async def processes():
    wire = Wire()
    processes = [Process(wire, A), Process(wire, B)]
    for process in processes:
        process.topics.connected()
    yield processes
    for process in processes:
        process.topics.close()


async def test_kinds(processes):
    """What a message is comes with it, whether it was cut or not."""
    one, two = processes
    two.topics.subscribe("g:room")
    one.topics.publish("g:room", b"small", 1)
    one.topics.publish("g:room", bytes(MIB), 2)
    one.topics.publish("g:room", b"small")
    assert two.came == [
        ("g:room", A, 1, b"small"),
        ("g:room", A, 2, bytes(MIB)),
        ("g:room", A, 0, b"small"),
    ]
    assert max(one.connection.sizes) <= one.connection.info.max_payload


async def test_before_there_was_a_node():
    """As long as no node has said what it takes, pieces are small."""
    process = Process(Wire(), A)
    process.topics.publish("g:room", bytes(MIB))
    assert max(process.connection.sizes) <= MAX_UNKNOWN
    process.topics.close()


def test_overhead():
    """What a message has besides its piece always finds room."""
    assert overhead("g:" + MAX_TOKEN * "a") <= OVERHEAD


async def test_smaller_node(processes, caplog):
    """A message that another node would not take is dropped with a line, and nothing else."""
    one, two = processes
    two.topics.subscribe("g:room")
    one.connection.info = ServerInfo(max_payload=100)
    one.topics.publish("g:room", bytes(1000))
    assert two.came == []
    assert "a message can't be sent: too large" in caplog.text


async def test_handler_that_fails(processes, caplog):
    """What can't be handled is logged; what follows comes."""
    one, two = processes
    two.topics.subscribe("g:room")
    two.came = None  # to which nothing can be appended
    one.topics.publish("g:room", b"1")
    assert "a message to g:room can't be handled" in caplog.text
    two.came = []
    one.topics.publish("g:room", b"2")
    assert two.came == [("g:room", A, 0, b"2")]


async def test_loss_is_declared(processes, caplog):
    """A loss is counted and logged as an error, not for each message; one's own in other words."""
    one, two = processes
    for count in (1, 3, None):
        two.topics._lost(Loss("g:room", A, count, "the sender has forgotten them"))
    two.topics._lost(Loss("", B, None, "it was away"))
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == [
        "this process has missed 1 message to g:room from another one: the sender has forgotten "
        "them",
        "other processes may have missed what this one has sent: it was away",
    ]


async def test_loss_of_a_piece(processes, caplog):
    """A payload that is never completed is missed, too."""
    one, two = processes
    two.topics.subscribe("g:room")
    one.topics.publish("g:room", bytes(5 * MIB))
    assert two.came == []
    assert two.topics.statistics.missed == 1
    assert "a large one could not be put together, as it has 5242880 bytes" in caplog.text
    sizes = len(one.connection.sizes)
    one.topics.publish("g:room", bytes(MIB))
    assert len(two.came) == 1
    assert len(one.connection.sizes) > sizes + 1


async def test_half_a_payload(processes, monkeypatch):
    """What is left of a sender that was killed halfway is given up after a while."""
    one, two = processes
    two.topics.subscribe("g:room")
    sent = []
    one.connection.lose = lambda subject: sent.append(subject) or len(sent) > 5
    one.topics.publish("g:room", bytes(MIB))
    assert two.topics._assembler.held_bytes == MIB
    later = time.monotonic() + pieces.PATIENCE
    monkeypatch.setattr(time, "monotonic", lambda: later)
    two.topics._tick()
    assert two.topics._assembler.held_bytes == 0
    assert two.topics.statistics.missed == 1


async def test_unheard_topic(processes, caplog):
    """A topic that a node does not bring is asked for once more, under the same name."""
    _, two = processes
    two.topics.subscribe("g:room")
    two.connection.subjects["g:room"] = "nothing"
    two.topics._subscribe_again("g:room")
    two.topics._subscribe_again("g:other")
    assert two.connection.subjects["g:room"] == "mysite.g.room"
    assert "g:other" not in two.connection.subjects
    assert "did not bring g:room" in caplog.text


async def test_unreadable_messages(processes, caplog):
    """Those of another release, or of a stranger, are spoken of."""
    _, two = processes
    two.topics.subscribe("g:room")
    for frame in b"", b"hello", bytes(100):
        two.connection.bring("g:room", frame)
    two.topics.publish("g:room", b"what makes it look at the clock soon")
    await until(lambda: "3 messages over NATS can't be read" in caplog.text)
    assert two.came == []


async def test_subscribing_twice(processes):
    """Who asks twice for a topic gets it once, and leaves it once."""
    one, two = processes
    two.topics.subscribe("g:room")
    two.topics.subscribe("g:room")
    assert "g:room" in two.topics
    one.topics.publish("g:room", b"1")
    two.topics.unsubscribe("g:room")
    two.topics.unsubscribe("g:room")
    one.topics.publish("g:room", b"2")
    assert two.came == [("g:room", A, 0, b"1")]


async def test_clock_goes_on(processes, monkeypatch):
    """A tick that fails is an error of the loop's, and not the last one; closing is its end."""
    one, _ = processes
    monkeypatch.setattr(nats_topics, "AFTER_ERROR", 0.0)
    topics, ticks, errors = one.topics, [], []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: errors.append(context))

    def fail(now):
        ticks.append(now)
        raise LookupError

    monkeypatch.setattr(topics._reliable, "tick", fail)
    await until(lambda: len(ticks) >= 3)
    topics.close()
    assert len(errors) == len(ticks)
    topics.publish("g:room", b"too late")
    assert topics._timer.cancelled()
