"""Absence: who was away gets what was sent meanwhile, or hears that it is too late for that."""

from __future__ import annotations

import pytest

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.frame_format import HEAD, HERE, NO_AGE
from channels_bridge.groups.reliable.reliable_context import Loss
from compat_tests.groups.reliable.recorder import NOW, Recorder, carry, kind_of, publish_lost
from compat_tests.groups.reliable.simulated_bus import Process, SimulatedBus


@pytest.fixture
def pair() -> tuple[Process, Process]:
    """Two processes on two nodes; the second has subscribed ``g:a`` and got a message."""
    bus = SimulatedBus(1)
    sender, receiver = (Process(bus, node, Bounds()) for node in (0, 1))
    receiver.subscribe("g:a")
    bus.run(1)
    sender.send("g:a")
    bus.run(3)
    return sender, receiver


def delivered(sender: Process, receiver: Process) -> list[int]:
    """What the receiver got."""
    return receiver.subscriptions["g:a"].delivered[sender.identity]


@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("seconds", [0.1, 3, 12])
def test_away_for_a_while(pair: tuple[Process, Process], who: int, seconds: float) -> None:
    """The one or the other: what was sent meanwhile comes soon after."""
    sender, receiver = pair
    pair[who].disconnect()
    sender.send("g:a")
    sender.simulated.run(seconds)
    pair[who].reconnect()
    sender.simulated.run(0.5)
    assert delivered(sender, receiver) == [1, 2]
    assert not receiver.losses


def test_away_for_longer_than_is_kept(pair: tuple[Process, Process]) -> None:
    """The sender knows how many there were."""
    sender, receiver = pair
    receiver.disconnect()
    sender.send("g:a")
    sender.send("g:a")
    sender.simulated.run(40)
    receiver.reconnect()
    sender.simulated.run(2)
    (loss,) = receiver.losses
    assert (loss.topic, loss.count) == ("g:a", 2)


def test_away_for_longer_than_is_remembered(pair: tuple[Process, Process]) -> None:
    """The sender knows that there was something."""
    sender, receiver = pair
    receiver.disconnect()
    sender.send("g:a")
    sender.simulated.run(100)
    receiver.reconnect()
    sender.simulated.run(2)
    reason = "this process was away for longer than the sender remembers"
    assert receiver.losses == [Loss("", sender.identity, None, reason)]


def test_away_while_nothing_was_sent(pair: tuple[Process, Process]) -> None:
    """However long: nothing is declared."""
    sender, receiver = pair
    sender.simulated.run(200)
    receiver.disconnect()
    sender.simulated.run(200)
    receiver.reconnect()
    sender.simulated.run(60)
    assert not receiver.losses
    assert not sender.losses


def test_a_sender_that_was_away_for_long(pair: tuple[Process, Process]) -> None:
    """It says itself what it has sent to nobody, and does not remember."""
    sender, receiver = pair
    sender.disconnect()
    sender.send("g:a")
    sender.simulated.run(100)
    sender.reconnect()
    reason = "this process was away, and has forgotten what it sent meanwhile"
    assert sender.losses == [Loss("", sender.identity, None, reason)]


def test_nobody_knows_since_when(sender: Recorder) -> None:
    """All last numbers are asked for then; but nothing is missed from before the beginning."""
    sender.topics.subscribed("g:a", NOW - 3)
    for _ in range(2):
        sender.topics.bus_changed(NOW, away=True)
    ages = [HEAD.unpack(frame)[5] for frame in sender.told_all]
    assert ages == [3000, NO_AGE]


def test_tells_many_numbers_bit_by_bit(sender: Recorder, receiver: Recorder) -> None:
    """Of 1000 topics: a bounded frame in each tick, to the one that asks."""
    for number in range(1000):
        publish_lost(sender, f"g:{number}", b"")
        receiver.topics.subscribed(f"g:{number}", NOW - 1)
    receiver.topics.bus_changed(NOW, away=True)
    sender.topics.received_control(receiver.told_all[0], NOW)
    now = NOW
    for count in range(1, 6):
        now = sender.topics.tick(now)
        assert sender.told_kinds().count("AUDIT") == count
    sender.topics.tick(now)
    assert sender.told_kinds().count("AUDIT") == 5
    while sender.told or receiver.told:
        carry(sender, receiver, now)
        now = max(now + 0.05, receiver.topics.tick(now))
        sender.topics.tick(now)
        if len(receiver.delivered) == 1000:
            break
    assert len(receiver.delivered) == 1000


def test_a_route_that_was_cut_and_nobody_told(pair: tuple[Process, Process]) -> None:
    """An announcement is missing: so it is noticed, and what is remembered is said again."""
    sender, receiver = pair
    sender.simulated.cut_route(0, 1, 57, is_told=False)
    sender.simulated.run(20)
    sender.send("g:a")
    sender.simulated.run(70)
    (loss,) = receiver.losses
    assert (loss.topic, loss.count) == ("g:a", 1)


def test_a_route_that_was_cut_for_long_and_nobody_told(pair: tuple[Process, Process]) -> None:
    """Or it is said that something is forgotten."""
    sender, receiver = pair
    sender.simulated.cut_route(0, 1, 150, is_told=False)
    sender.simulated.run(20)
    sender.send("g:a")
    sender.simulated.run(180)
    assert [loss.topic for loss in receiver.losses] == [""]


def test_a_stopped_process_takes_it_for_an_absence(pair: tuple[Process, Process]) -> None:
    """Others may have given it up meanwhile."""
    sender, receiver = pair
    receiver.stop(10)
    sender.simulated.run(11)
    assert not [1 for event in spy(receiver, 1.0) if event == "AWAY"]
    receiver.stop(60)
    assert [1 for event in spy(receiver, 62.0) if event == "AWAY"]


def spy(process: Process, seconds: float) -> list[str]:
    """Let time pass; return the kinds of control frames that a process says to all."""
    kinds: list[str] = []
    publish = process.publish_to_all
    process.publish_to_all = lambda frame: (kinds.append(kind_of(frame)), publish(frame))[1]  # type: ignore[method-assign]
    process.simulated.run(seconds)
    return kinds


def test_says_that_it_is_there(sender: Recorder) -> None:
    """At once, and from time to time, counting."""
    sender.topics.bus_changed(NOW, away=True)
    counts = []
    for second in range(100):
        sender.topics.tick(NOW + second)
        heads = [HEAD.unpack_from(frame) for frame in sender.told_all]
        counts += [head[4] for head in heads if head[0] == HERE]
        sender.told_all.clear()
    assert counts[:3] == [1, 2, 3]
    assert 4 <= len(counts) <= 5


def test_knows_a_bounded_number_of_others() -> None:
    """Those beyond are not audited; all else is the same for them."""
    recorder = Recorder(b"receiver", Bounds(peers=10))
    for number in range(50):
        other = Recorder(b"%d" % number)
        other.topics.bus_changed(NOW, away=True)
        other.topics.tick(NOW)
        for frame in other.told_all:
            recorder.topics.received_control(frame, NOW)
    assert len(recorder.topics._peers._peers) == 10


def test_others_are_forgotten(sender: Recorder) -> None:
    """Processes come and go."""
    sender.topics.bus_changed(NOW, away=True)
    other = Recorder(b"other")
    other.topics.bus_changed(NOW, away=True)
    sender.topics.received_control(other.told_all[0], NOW)
    assert len(sender.topics._peers._peers) == 1
    now = NOW
    while now < NOW + 300:
        publish_lost(sender, "g:a", b"", now=now)
        now = sender.topics.tick(now)
    assert not sender.topics._peers._peers
