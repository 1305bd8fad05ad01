"""The audit: what a bus does not bring is noticed all the same, and the topic asked for anew."""

from __future__ import annotations

import pytest

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.frame_format import Audited, pack_audit, unpack_audit
from compat_tests.groups.reliable.recorder import NOW, Recorder, carry, kind_of, publish_lost
from compat_tests.groups.reliable.simulated_bus import Process, SimulatedBus


def tell(sender: Recorder, receiver: Recorder, last: int, age: int = 0) -> None:
    """Let the receiver hear of a last number on ``g:a``, and wait for it."""
    frame = pack_audit(sender.identity, [Audited("g:a", 1, last, age)])
    receiver.topics.received_control(frame, NOW)
    receiver.topics.tick(NOW + 0.6)


def test_brings_what_no_node_brings() -> None:
    """Neither messages nor marks come; still nothing is lost, and then they come."""
    bus = SimulatedBus(1)
    sender, receiver = (Process(bus, node, Bounds()) for node in (0, 1))
    receiver.subscribe("g:a")
    bus.run(3)
    bus.forget_interest(receiver, "g:a")
    sender.send("g:a")
    sender.send("g:a")
    bus.run(8)
    assert receiver.unheard == ["g:a"]
    assert receiver.subscriptions["g:a"].delivered == {sender.identity: [1, 2]}
    sender.send("g:a")
    bus.run(0.01)
    assert receiver.subscriptions["g:a"].delivered == {sender.identity: [1, 2, 3]}
    assert not receiver.losses


def test_what_has_come_is_no_reason(sender: Recorder, receiver: Recorder) -> None:
    """Nothing lacks."""
    sender.topics.publish("g:a", b"1", NOW)
    receiver.topics.received("g:a", sender.take()[0], NOW)
    tell(sender, receiver, 1)
    assert not receiver.unheard
    assert "ASK" not in receiver.told_kinds()


def test_what_is_on_its_way_is_no_reason(sender: Recorder, receiver: Recorder) -> None:
    """It has half a second."""
    sender.topics.publish("g:a", b"1", NOW)
    frame = pack_audit(sender.identity, [Audited("g:a", 1, 1, 0)])
    receiver.topics.received_control(frame, NOW)
    receiver.topics.received("g:a", sender.take()[0], NOW + 0.4)
    receiver.topics.tick(NOW + 0.6)
    assert receiver.delivered == [b"1"]
    assert not receiver.unheard


def test_what_was_sent_before_joining_is_no_reason(sender: Recorder) -> None:
    """It is not for this process."""
    receiver = Recorder(b"receiver")
    receiver.topics.subscribed("g:a", NOW)
    tell(sender, receiver, 5, age=10)
    assert not receiver.unheard
    assert "ASK" not in receiver.told_kinds()


def test_what_nobody_listens_to_is_no_reason(sender: Recorder) -> None:
    """Others have subscribed it."""
    receiver = Recorder(b"receiver")
    tell(sender, receiver, 5)
    assert not receiver.unheard


def test_a_topic_is_asked_for_anew_now_and_then(sender: Recorder, receiver: Recorder) -> None:
    """Not each time: it may not help. Others are asked what they have sent to it."""
    publish_lost(sender, "g:a", b"1")
    tell(sender, receiver, 1)
    receiver.topics.tick(NOW + 1)
    tell(sender, receiver, 2)
    assert receiver.unheard == ["g:a"]
    assert [kind_of(frame) for frame in receiver.told_all] == ["UNHEARD"]
    carry(sender, receiver, NOW + 1)
    assert receiver.delivered == [b"1"]


@pytest.mark.parametrize("others", [1, 2, 20])
def test_tells_some_others(sender: Recorder, others: int) -> None:
    """All of few, and three of many; the last number of each topic."""
    sender.topics.bus_changed(NOW, away=True)
    for number in range(others):
        other = Recorder(b"%d" % number)
        other.topics.bus_changed(NOW, away=True)
        sender.topics.received_control(other.told_all[0], NOW)
    publish_lost(sender, "g:a", b"", b"")
    publish_lost(sender, "g:b", b"")
    sender.told.clear()
    sender.topics.tick(NOW + 6.3)
    audits = {to: frame for to, frame in sender.told if kind_of(frame) == "AUDIT"}
    assert len(audits) == min(others, 3)
    for frame in audits.values():
        told = [(topic, last) for topic, _, last, _ in unpack_audit(frame)]
        assert told == [("g:a", 2), ("g:b", 1)]


def test_of_many_topics_some_are_told(sender: Recorder) -> None:
    """Others the next time."""
    sender.topics.bus_changed(NOW, away=True)
    other = Recorder(b"other")
    other.topics.bus_changed(NOW, away=True)
    sender.topics.received_control(other.told_all[0], NOW)
    for number in range(300):
        publish_lost(sender, f"g:{number}", b"")
    told = set()
    for second in range(20):
        sender.told.clear()
        sender.topics.tick(NOW + second)
        for _, frame in sender.told:
            if kind_of(frame) == "AUDIT":
                topics = [topic for topic, *_ in unpack_audit(frame)]
                assert len(topics) == 200
                told.update(topics)
    assert len(told) > 250
