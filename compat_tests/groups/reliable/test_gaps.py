"""Gaps: what is missing is asked for, and what follows waits for it."""

from __future__ import annotations

from itertools import permutations

import pytest

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.reliable_context import Loss
from compat_tests.groups.reliable.recorder import NOW, Recorder, carry, kind_of, publish_lost


def send(sender: Recorder, receiver: Recorder, *payloads: bytes, now: float = NOW) -> None:
    """Publish to ``g:a``, and let it arrive."""
    for payload in payloads:
        sender.topics.publish("g:a", payload, now)
    arrive(receiver, sender.take(), now)


def arrive(receiver: Recorder, frames: list[bytes], now: float = NOW) -> None:
    """Let frames of ``g:a`` arrive."""
    for frame in frames:
        receiver.topics.received("g:a", frame, now)


def test_in_order(sender: Recorder, receiver: Recorder) -> None:
    """Nothing is asked for."""
    send(sender, receiver, b"1", b"2", b"3")
    assert receiver.delivered == [b"1", b"2", b"3"]
    assert not receiver.told


def test_fills_a_gap(sender: Recorder, receiver: Recorder) -> None:
    """What follows is held, and comes behind what was missing."""
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2", b"3")
    send(sender, receiver, b"4")
    assert receiver.delivered == [b"1"]
    carry(sender, receiver)
    assert receiver.delivered == [b"1", b"2", b"3", b"4"]
    assert receiver.topics.statistics.recovered == 2
    assert receiver.topics.statistics.gaps == 1
    assert sender.topics.statistics.resent == 3
    assert not receiver.losses


def test_fills_the_end(sender: Recorder, receiver: Recorder) -> None:
    """A mark shows that something is missing."""
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2")
    sender.topics.tick(NOW + 0.2)
    arrive(receiver, sender.take(), NOW + 0.2)
    carry(sender, receiver, NOW + 0.2)
    assert receiver.delivered == [b"1", b"2"]


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_any_order_of_arrival(sender: Recorder, receiver: Recorder, order: tuple[int, ...]) -> None:
    """With each frame twice: once each, in order, with or without the sender's help."""
    send(sender, receiver, b"0")
    for payload in (b"1", b"2", b"3", b"4"):
        sender.topics.publish("g:a", payload, NOW)
    frames = sender.take()
    arrive(receiver, [frames[index] for index in order for _ in range(2)])
    assert receiver.delivered == [b"0", b"1", b"2", b"3", b"4"]
    carry(sender, receiver)
    assert receiver.delivered == [b"0", b"1", b"2", b"3", b"4"]
    assert receiver.topics.statistics.duplicates >= 4


def test_chains_do_not_wait_for_one_another(sender: Recorder, receiver: Recorder) -> None:
    """A gap of one sender on one topic holds up nothing else."""
    other = Recorder(b"other")
    receiver.topics.subscribed("g:b", NOW - 60)
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2")
    send(sender, receiver, b"3")
    send(other, receiver, b"of another")
    sender.topics.publish("g:b", b"elsewhere", NOW)
    receiver.topics.received("g:b", sender.take()[0], NOW)
    assert receiver.delivered == [b"1", b"of another", b"elsewhere"]


def test_asks_again(sender: Recorder, receiver: Recorder) -> None:
    """At growing intervals, while there is no answer; then goes on, and says what is lost."""
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2", b"3")
    send(sender, receiver, b"4")
    asked_at, now = [], NOW
    while not receiver.losses:
        next_tick = receiver.topics.tick(now)
        asked_at += [now] * len(receiver.told)
        receiver.told.clear()
        last, now = now, next_tick
    pauses = [later - sooner for sooner, later in zip(asked_at, asked_at[1:], strict=False)]
    assert pauses[0] == pytest.approx(0.15)
    assert pauses == sorted(pauses)
    assert max(pauses) == pytest.approx(1.0)
    assert 15 <= last - NOW <= 16.1
    loss = Loss("g:a", sender.identity, 2, "the sender does not answer")
    assert receiver.events == [b"1", loss, b"4"]
    assert receiver.topics.statistics.missed == 2


def test_says_what_the_sender_no_longer_keeps(receiver: Recorder) -> None:
    """How many, before what follows is delivered; the rest is recovered."""
    sender = Recorder(b"sender", Bounds(keep_bytes=3 * 201))
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2", b"3", b"4", b"5")
    send(sender, receiver, b"6")
    carry(sender, receiver)
    loss = Loss("g:a", sender.identity, 2, "the sender no longer keeps them")
    assert receiver.events == [b"1", loss, b"4", b"5", b"6"]


def test_says_when_the_sender_has_forgotten(sender: Recorder, receiver: Recorder) -> None:
    """It can't say how many there were then."""
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2")
    send(sender, receiver, b"3")
    carry_late = NOW + 100
    carry(sender, receiver, carry_late)
    assert receiver.events[1:] == [
        Loss("g:a", sender.identity, None, "the sender has forgotten them"),
        b"3",
    ]


def test_another_chain_ends_the_one_before(sender: Recorder, receiver: Recorder) -> None:
    """What was asked for of the old one is declared, and the new one begins."""
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2", b"3")
    send(sender, receiver, b"4")
    send(sender, receiver, b"5", now=NOW + 100)
    loss = Loss("g:a", sender.identity, 2, "the sender has forgotten them")
    assert receiver.events == [b"1", loss, b"4", b"5"]


def test_frames_of_an_old_chain_are_ignored(sender: Recorder, receiver: Recorder) -> None:
    """They come late, or twice."""
    sender.topics.publish("g:a", b"old", NOW)
    (old,) = sender.take()
    send(sender, receiver, b"new", now=NOW + 100)
    arrive(receiver, [old], NOW + 100)
    assert receiver.delivered == [b"new"]


def test_large_gaps_come_in_bursts() -> None:
    """One answer is bounded; the next follows when it has come."""
    bounds = Bounds(burst_bytes=1000)
    sender, receiver = Recorder(b"sender", bounds), Recorder(b"receiver", bounds)
    receiver.topics.subscribed("g:a", NOW)
    send(sender, receiver, b"first")
    publish_lost(sender, "g:a", *[b"x" * 100] * 100)
    send(sender, receiver, b"last")
    bursts = []
    while receiver.told:
        for _, frame in receiver.told:
            sender.topics.received_control(frame, NOW)
        receiver.told.clear()
        bursts.append(sum(len(frame) for _, frame in sender.told))
        for _, frame in sender.told:
            receiver.topics.received_control(frame, NOW)
        sender.told.clear()
    assert len(receiver.delivered) == 102
    assert max(bursts) <= 1000
    assert len(bursts) == receiver.topics.statistics.asked


def test_one_message_larger_than_a_burst_comes(receiver: Recorder) -> None:
    """Alone."""
    sender = Recorder(b"sender", Bounds(burst_bytes=1000))
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"x" * 5000)
    send(sender, receiver, b"3")
    carry(sender, receiver)
    assert len(receiver.delivered) == 3


def test_one_asker_gets_a_bounded_number_of_bytes_at_a_time(receiver: Recorder) -> None:
    """Whatever it asks for; in the next tick it gets more."""
    sender = Recorder(b"sender", Bounds(asker_bytes=1000))
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"x" * 600)
    send(sender, receiver, b"3")
    ((_, request),) = receiver.told
    for _ in range(5):
        sender.topics.received_control(request, NOW)
    assert sum(len(frame) for _, frame in sender.told) < 2000
    answered = len(sender.told)
    sender.topics.tick(NOW + 0.02)
    sender.topics.received_control(request, NOW + 0.02)
    assert len(sender.told) > answered


def test_asks_for_a_few_gaps_at_a_time(sender: Recorder) -> None:
    """Those of a sender that has died hold up those of another for a moment only."""
    receiver = Recorder(b"receiver", Bounds(requests=4))
    dead = Recorder(b"dead")
    for number in range(20):
        topic = f"g:{number}"
        receiver.topics.subscribed(topic, NOW - 60)
        for one in (dead, sender):
            one.topics.publish(topic, b"1", NOW)
            receiver.topics.received(topic, one.take()[0], NOW)
            publish_lost(one, topic, b"2")
    for one in (dead, sender):
        for number in range(20):
            one.topics.publish(f"g:{number}", b"3", NOW)
            receiver.topics.received(f"g:{number}", one.take()[0], NOW)
    assert len(receiver.told) == 4
    now = NOW
    while now < NOW + 10:
        carry(sender, receiver, now)
        now = receiver.topics.tick(now)
    assert receiver.delivered.count(b"3") == 20
    assert not receiver.losses


def test_what_is_held_is_bounded(sender: Recorder) -> None:
    """What comes beyond is not lost: it is asked for when its turn comes."""
    receiver = Recorder(b"receiver", Bounds(held_messages=10))
    receiver.topics.subscribed("g:a", NOW - 60)
    send(sender, receiver, b"0")
    publish_lost(sender, "g:a", b"1")
    send(sender, receiver, *[b"%d" % number for number in range(2, 100)])
    (chain,) = receiver.topics._hearing.topics["g:a"].chains.values()
    assert len(chain.held) == 10
    carry(sender, receiver)
    assert receiver.delivered == [b"%d" % number for number in range(100)]
    assert not receiver.losses
    assert receiver.topics._hearing._held_bytes == 0


@pytest.mark.parametrize("bounds", [Bounds(held_bytes=1000), Bounds(all_held_bytes=1000)])
def test_bytes_that_are_held_are_bounded(sender: Recorder, bounds: Bounds) -> None:
    """Of one chain, and of all."""
    receiver = Recorder(b"receiver", bounds)
    receiver.topics.subscribed("g:a", NOW - 60)
    send(sender, receiver, b"0")
    publish_lost(sender, "g:a", b"1")
    send(sender, receiver, *[b"x" * 300 for _ in range(10)])
    assert receiver.topics._hearing._held_bytes == 900
    carry(sender, receiver)
    assert len(receiver.delivered) == 12


def test_leaving_a_topic_drops_what_was_held(sender: Recorder, receiver: Recorder) -> None:
    """Nothing is asked for any more, and answers are ignored, also when it is joined again."""
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2")
    send(sender, receiver, b"3")
    receiver.topics.unsubscribed("g:a")
    assert receiver.topics._hearing._held_bytes == 0
    receiver.topics.subscribed("g:a", NOW + 1)
    carry(sender, receiver, NOW + 1)
    assert receiver.delivered == [b"1"]
    receiver.topics.tick(NOW + 2)
    assert not receiver.told
    send(sender, receiver, b"4", now=NOW + 2)
    assert receiver.delivered == [b"1", b"4"]


def test_answers_to_an_earlier_subscription(sender: Recorder, receiver: Recorder) -> None:
    """They say what lacked then; what is asked for now may be another part of the same chain."""
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2")
    send(sender, receiver, b"3")
    ((_, request),) = receiver.told
    receiver.told.clear()
    sender.topics.received_control(request, NOW)
    (_, late_answer), _ = sender.told
    sender.told.clear()
    receiver.topics.unsubscribed("g:a")
    receiver.topics.subscribed("g:a", NOW + 1)
    publish_lost(sender, "g:a", b"4", now=NOW + 2)
    send(sender, receiver, b"5", now=NOW + 2)
    receiver.topics.received_control(late_answer, NOW + 2)
    assert receiver.delivered == [b"1"]
    carry(sender, receiver, NOW + 2)
    assert receiver.delivered == [b"1", b"4", b"5"]
    assert not receiver.losses


def test_leaving_while_delivering(sender: Recorder) -> None:
    """What is delivered may end the subscription: nothing comes after that."""

    class Leaver(Recorder):
        def deliver(self, topic: str, sender: bytes, tag: int, payload: bytes) -> None:
            super().deliver(topic, sender, tag, payload)
            if payload == b"3":
                self.topics.unsubscribed(topic)

    receiver = Leaver(b"receiver")
    receiver.topics.subscribed("g:a", NOW - 60)
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2")
    send(sender, receiver, b"3", b"4")
    carry(sender, receiver)
    assert receiver.delivered == [b"1", b"2", b"3"]
    assert receiver.topics._hearing._held_bytes == 0


def test_asks_at_once_when_it_is_back(sender: Recorder, receiver: Recorder) -> None:
    """Requests and answers may be lost: it does not wait for the next time."""
    send(sender, receiver, b"1")
    publish_lost(sender, "g:a", b"2")
    send(sender, receiver, b"3")
    receiver.told.clear()
    receiver.topics.bus_changed(NOW + 0.01, away=True)
    assert "ASK" in receiver.told_kinds()


def test_old_frames_of_a_forgotten_topic_are_ignored(sender: Recorder, receiver: Recorder) -> None:
    """A topic that nobody has subscribed brings nothing."""
    sender.topics.publish("g:b", b"1", NOW)
    (frame,) = sender.take()
    receiver.topics.received("g:b", frame, NOW)
    assert not receiver.delivered
    assert kind_of(frame) == "DATA"
