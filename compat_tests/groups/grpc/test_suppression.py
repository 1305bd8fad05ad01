"""Processes don't publish what nobody else listens to, and yet no subscriber misses anything."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from channels_bridge.groups.grpc import suppression
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.recovery import PATIENCE
from channels_bridge.groups.grpc.process.client import Request
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.sessions import Clock, Process, exchange_all

BIND = {"topic": "g:room", "queue": "work", "capacity": 9, "expiry": 60, "lifetime": 60}


@pytest.fixture
async def hub(clock: Clock) -> Exchange:
    """A hub that is the first."""
    return Exchange(is_first=True)


@pytest.fixture
async def sender(hub: Exchange) -> Process:
    """A process that is silent about a topic."""
    process = Process()
    process.connect(hub)
    silence_about("g:room", process)
    return process


@pytest.fixture
async def receiver(hub: Exchange) -> Process:
    """Another process."""
    process = Process()
    process.connect(hub)
    exchange_all(process)
    return process


def silence_about(topic: str, process: Process) -> None:
    """Let a process find out that nobody else listens."""
    assert process.publish(topic, b"unheard") is not None
    exchange_all(process)
    assert process.publish(topic, b"unheard") is None


def pass_time(clock: Clock, hub: Exchange, seconds: float) -> None:
    """Let time pass for a hub that isn't stopped."""
    for _ in range(round(seconds / 0.5)):
        clock.now += 0.5
        hub.tick()


async def test_unheard(sender):
    """Who has learned that nobody listens to a topic publishes to others only."""
    assert sender.publish("g:other", b"") is not None


async def test_own_subscription(sender):
    """A process needn't publish what only itself listens to."""
    request = sender.client.subscribe("g:room")
    exchange_all(sender)
    assert request.answer.done()
    assert sender.publish("g:room", b"") is None


async def test_heard(sender, receiver):
    """A topic with a listener is never unheard."""
    receiver.client.subscribe("g:other")
    exchange_all(receiver)
    for _ in range(2):
        assert sender.publish("g:other", b"hello") is not None
        exchange_all(sender, receiver)
    assert receiver.received == [b"hello"] * 2


async def test_lease(sender, clock):
    """Silence ends by itself, and the next publication renews it."""
    silence_about("g:other", sender)
    clock.now += suppression.LEASE
    silence_about("g:room", sender)
    assert sender.publish("g:other", b"") is not None


async def test_lease_counts_from_the_question(hub, clock):
    """An answer that comes late allows silence for a shorter time."""
    sender = Process()
    sender.connect(hub)
    sender.publish("g:room", b"")
    sender.write()
    clock.now += suppression.LEASE / 2
    sender.read()
    assert sender.publish("g:room", b"") is None
    clock.now += suppression.LEASE / 2
    assert sender.publish("g:room", b"") is not None


async def test_subscriber_waits_for_the_silent(sender, receiver):
    """A subscription is confirmed when the silent have resumed, and then gets everything."""
    request = receiver.client.subscribe("g:room")
    exchange_all(receiver)
    assert not request.answer.done()
    sender.read()
    exchange_all(receiver)
    assert not request.answer.done()
    sender.write()
    receiver.read()
    assert request.answer.done()
    assert sender.publish("g:room", b"hello") is not None
    exchange_all(sender, receiver)
    assert receiver.received == [b"hello"]


async def test_second_subscriber_waits_as_well(sender, receiver, hub):
    """Who subscribes while somebody else waits for the silent waits for the same."""
    second = Process()
    second.connect(hub)
    receiver.client.subscribe("g:room")
    exchange_all(receiver)
    request = second.client.subscribe("g:room")
    exchange_all(second)
    assert not request.answer.done()
    exchange_all(sender, second)
    assert request.answer.done()


async def test_subscribe_while_publishing(hub, receiver):
    """The answer that allows silence, and the request to end it, arrive in this order."""
    sender = Process()
    sender.connect(hub)
    sender.publish("g:room", b"too early")
    sender.write()
    request = receiver.client.subscribe("g:room")
    exchange_all(receiver)
    assert not request.answer.done()
    exchange_all(sender, receiver)
    assert request.answer.done()
    assert sender.publish("g:room", b"hello") is not None


async def test_bind_while_publishing(hub):
    """The same when both are asked for at once."""
    sender = Process()
    sender.connect(hub)
    sender.publish("g:room", b"too early")
    request = sender.client.request(wire.Bind(**BIND))
    exchange_all(sender)
    assert request.answer.done()
    assert sender.publish("g:room", b"hello") is not None


async def test_silence_allowed_anew(hub, receiver):
    """That a process resumed doesn't count when it was allowed to be silent again."""
    sender = Process()
    sender.connect(hub)
    sender.publish("g:room", b"1")
    sender.write()
    receiver.client.subscribe("g:room")
    receiver.write()
    receiver.client.unsubscribe("g:room")
    receiver.write()
    sender.publish("g:room", b"2")
    exchange_all(sender)
    assert sender.publish("g:room", b"3") is None
    request = receiver.client.subscribe("g:room")
    exchange_all(receiver)
    assert not request.answer.done()


async def test_binding_waits_for_all(sender):
    """A bound queue gets what its binder publishes as well."""
    request = sender.client.request(wire.Bind(**BIND))
    sender.write()
    sender.read()
    assert not request.answer.done()
    exchange_all(sender)
    assert request.answer.done()
    for _ in range(2):
        assert sender.publish("g:room", b"") is not None
        exchange_all(sender)


async def test_subscribed_on_delivery(sender, receiver, hub):
    """Who makes another process subscribe gets its answer when that is in force."""
    other = Process()
    other.connect(hub)
    receiver.client.subscribe("p:receiver")
    exchange_all(receiver)
    receiver.on_delivery = lambda *_: receiver.client.subscribe("g:room")
    request = other.publish("p:receiver", b"join the room")
    exchange_all(other, receiver)
    assert not request.answer.done()
    exchange_all(sender, other)
    assert request.answer.done()


async def test_hanging_process_delays_subscribers(sender, receiver, hub, clock):
    """A subscriber waits for a process that hangs until its silence must have ended."""
    request = receiver.client.subscribe("g:room")
    exchange_all(receiver)
    clock.now += suppression.LEASE
    assert sender.publish("g:room", b"hello") is not None
    hub.tick()
    exchange_all(receiver)
    assert not request.answer.done()
    clock.now += suppression.HUB_LEASE - suppression.LEASE
    hub.tick()
    exchange_all(receiver)
    assert request.answer.done()


@pytest.mark.parametrize("way", ["reconnects", "leaves"])
async def test_silence_ends_with_the_stream(sender, receiver, hub, way):
    """A process that reconnects or leaves is waited for no longer."""
    request = receiver.client.subscribe("g:room")
    exchange_all(receiver)
    if way == "reconnects":
        sender.connect(hub)
        assert sender.publish("g:room", b"hello") is not None
    else:
        sender.client.leave()
        sender.write()
    receiver.read()
    assert request.answer.done()


async def test_late_leave_after_goodbye(hub):
    """A process that leaves publishes everything, whatever it is told meanwhile."""
    sender = Process()
    sender.connect(hub)
    sender.publish("g:room", b"")
    sender.write()
    sender.client.leave()
    sender.read()
    assert sender.publish("g:room", b"") is not None


async def test_repeated_request_waits(sender, receiver, hub, clock):
    """A subscription that a process asks for again after it was cut off waits like the first."""
    receiver.client.subscribe("p:receiver")
    exchange_all(receiver)
    sender.publish("p:receiver", b"not read")
    exchange_all(sender)
    pass_time(clock, hub, PATIENCE - 0.5)
    clock.now += 0.75
    silence_about("g:room", sender)
    request = receiver.client.subscribe("g:room")
    receiver.write()
    hub.tick()
    assert not receiver.is_connected
    receiver.connect(hub)
    receiver.read()
    assert not request.answer.done()
    exchange_all(sender, receiver)
    assert request.answer.done()


@pytest.mark.parametrize("roster", [{}, None])
async def test_new_hub_waits(sender, clock, roster):
    """A hub that isn't the first confirms subscriptions once the silence before it has ended."""
    hub = Exchange(is_first=False, roster=roster)
    receiver = Process()
    request = receiver.client.subscribe("g:room")
    receiver.connect(hub)
    clock.now += suppression.LEASE
    hub.tick()
    exchange_all(receiver)
    assert not request.answer.done()
    assert sender.publish("g:room", b"") is not None
    clock.now += suppression.HUB_LEASE - suppression.LEASE
    hub.tick()
    exchange_all(receiver)
    assert request.answer.done()


async def test_topics_are_bounded(sender, hub, clock, monkeypatch):
    """A process that publishes to ever new topics soon begins anew."""
    monkeypatch.setattr(suppression, "MAX_TOPICS", 10)
    for number in range(9):
        silence_about(f"g:{number}", sender)
    for _ in range(2):
        assert sender.publish("g:one more", b"") is not None
        exchange_all(sender)
    clock.now += suppression.HUB_LEASE
    hub.tick()
    silence_about("g:one more", sender)


class Simulation:
    """Three processes and a hub do what they like, in any order.

    Only what the guarantees exclude doesn't happen: who listens doesn't stay away for long.
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.random = random.Random(seed)
        self.hub = Exchange(is_first=True)
        self.processes = [Process() for _ in range(3)]
        # By topic.
        self.subscriptions: list[dict[str, Request]] = [{} for _ in self.processes]
        self.expected: list[set[tuple[str, bytes]]] = [set() for _ in self.processes]
        self.sent: dict[int, list[bytes]] = defaultdict(list)
        self.kept = 0  # publications that weren't sent
        for process in self.processes:
            process.connect(self.hub)

    def run(self, steps: int) -> None:
        """Do so many random steps, publishing most of the time, and then let all of it arrive."""
        actions = [
            *[self.publish] * 10,
            *[self.read, self.write] * 10,
            *[self.subscribe] * 2,
            self.unsubscribe,
            self.sleep,
            self.lose,
            self.connect,
        ]
        for _ in range(steps):
            index = self.random.randrange(3)
            self.random.choice(actions)(index, self.processes[index])
            if not self.random.randrange(300):
                self.restart()
        for _ in range(20):
            self.sleep()
            for index, process in enumerate(self.processes):
                self.come_back(index, process)

    def topic(self) -> str:
        return self.random.choice(["g:one", "g:two"])

    def publish(self, index: int, process: Process) -> None:
        """Publish, and note which processes must get it: those whose subscription is confirmed."""
        topic = self.topic()
        payload = b"%d %d" % (index, len(self.sent[index]))
        self.sent[index].append(payload)
        for other, subscriptions in enumerate(self.subscriptions):
            request = subscriptions.get(topic)
            if other != index and request is not None and request.answer.done():
                self.expected[other].add((topic, payload))
        self.kept += process.publish(topic, payload) is None

    def subscribe(self, index: int, process: Process) -> None:
        topic = self.topic()
        self.subscriptions[index][topic] = process.client.subscribe(topic)

    def unsubscribe(self, index: int, process: Process) -> None:
        """Leave a topic; what has not arrived by now is not expected any more."""
        topic = self.topic()
        self.subscriptions[index].pop(topic, None)
        process.client.unsubscribe(topic)
        # What is on its way may come or not.
        self.expected[index] = {
            (other, payload)
            for other, payload in self.expected[index]
            if other != topic or payload in process.received
        }

    def read(self, index: int, process: Process) -> None:
        process.read()

    def write(self, index: int, process: Process) -> None:
        process.write()

    def lose(self, index: int, process: Process) -> None:
        process.lose()

    def connect(self, index: int, process: Process) -> None:
        process.connect(self.hub)

    def restart(self) -> None:
        """Replace the hub by one that is not the first; all streams end."""
        for process in self.processes:
            process.lose()
        self.hub = Exchange(is_first=False)

    def come_back(self, index: int, process: Process) -> None:
        """Connect again if need be, and exchange what waits."""
        if not process.is_connected:
            process.connect(self.hub)
        for _ in range(3):
            process.write()
            process.read()

    def sleep(self, *_: object) -> None:
        """Let a moment pass, for which those who listen do not stay away."""
        self.clock.now += 0.2
        for index, process in enumerate(self.processes):
            if self.subscriptions[index]:
                self.come_back(index, process)
        self.hub.tick()

    def check(self) -> None:
        """Nothing expected is missing, nothing came twice, and each sender's order was kept."""
        for process, expected in zip(self.processes, self.expected, strict=True):
            assert {payload for _, payload in expected} <= set(process.received)
            assert len(set(process.received)) == len(process.received)
            for sender, sent in self.sent.items():
                got = [
                    payload for payload in process.received if payload.startswith(b"%d " % sender)
                ]
                assert got == [payload for payload in sent if payload in set(got)]


@pytest.mark.parametrize("seed", range(100))
async def test_anything_may_happen(clock, seed):
    """Whatever happens in whichever order, a confirmed subscriber gets all that is sent later."""
    simulation = Simulation(clock, seed)
    simulation.run(1000)
    simulation.check()
    assert simulation.kept
