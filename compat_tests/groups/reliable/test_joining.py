"""Joining: who hears a sender for the first time gets what was sent since it subscribed."""

from __future__ import annotations

import pytest

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.reliable_context import Loss
from compat_tests.groups.reliable.recorder import NOW, Recorder, carry, publish_lost


def test_what_was_sent_before_is_not_ours(sender: Recorder) -> None:
    """Nothing is asked for."""
    receiver = Recorder(b"receiver")
    publish_lost(sender, "g:a", b"1", b"2")
    receiver.topics.subscribed("g:a", NOW + 1)
    sender.topics.publish("g:a", b"3", NOW + 2)
    receiver.topics.received("g:a", sender.take()[0], NOW + 2)
    assert receiver.delivered == [b"3"]
    assert not receiver.told


def test_what_was_sent_since_is_asked_for(sender: Recorder) -> None:
    """A node of the bus may not have known of the subscription yet."""
    receiver = Recorder(b"receiver")
    publish_lost(sender, "g:a", b"1", b"2")
    receiver.topics.subscribed("g:a", NOW + 1)
    publish_lost(sender, "g:a", b"3", b"4", now=NOW + 1.1)
    sender.topics.publish("g:a", b"5", NOW + 2)
    receiver.topics.received("g:a", sender.take()[0], NOW + 2)
    carry(sender, receiver, NOW + 2)
    assert receiver.delivered == [b"3", b"4", b"5"]
    assert receiver.topics.statistics.late_joins == 1
    assert not receiver.losses


def test_a_mark_does_so_too(sender: Recorder) -> None:
    """Where nothing follows."""
    receiver = Recorder(b"receiver")
    publish_lost(sender, "g:a", b"1")
    receiver.topics.subscribed("g:a", NOW + 1)
    publish_lost(sender, "g:a", b"2", now=NOW + 1.1)
    sender.topics.tick(NOW + 1.3)
    receiver.topics.received("g:a", sender.take()[0], NOW + 1.3)
    carry(sender, receiver, NOW + 1.3)
    assert receiver.delivered == [b"2"]


def test_a_mark_of_the_past_begins_the_chain(sender: Recorder) -> None:
    """So that the next message has its place."""
    receiver = Recorder(b"receiver")
    publish_lost(sender, "g:a", b"1")
    receiver.topics.subscribed("g:a", NOW + 0.1)
    sender.topics.tick(NOW + 0.2)
    receiver.topics.received("g:a", sender.take()[0], NOW + 0.2)
    assert not receiver.told
    publish_lost(sender, "g:a", b"2", now=NOW + 1)
    sender.topics.publish("g:a", b"3", NOW + 1)
    receiver.topics.received("g:a", sender.take()[0], NOW + 1)
    carry(sender, receiver, NOW + 1)
    assert receiver.delivered == [b"2", b"3"]


def test_however_long_requests_take(sender: Recorder) -> None:
    """What was sent since the subscription is reckoned from a message, not from the request."""
    receiver = Recorder(b"receiver")
    publish_lost(sender, "g:a", b"1")
    receiver.topics.subscribed("g:a", NOW + 1)
    publish_lost(sender, "g:a", b"2", now=NOW + 1.001)
    sender.topics.publish("g:a", b"3", NOW + 1.002)
    receiver.topics.received("g:a", sender.take()[0], NOW + 1.002)
    carry(sender, receiver, NOW + 9)
    assert receiver.delivered == [b"2", b"3"]


def test_slow_messages_bring_a_little_more(sender: Recorder) -> None:
    """A message that took a second to arrive: what was sent a second too early may come, too."""
    receiver = Recorder(b"receiver")
    publish_lost(sender, "g:a", b"1")
    publish_lost(sender, "g:a", b"2", now=NOW + 0.9)
    sender.topics.publish("g:a", b"3", NOW + 1)
    receiver.topics.subscribed("g:a", NOW + 1.5)
    receiver.topics.received("g:a", sender.take()[0], NOW + 2)
    carry(sender, receiver, NOW + 2)
    assert receiver.delivered == [b"2", b"3"]


def test_what_is_no_longer_kept_is_counted_from_the_first() -> None:
    """All of the chain was sent since the subscription: so it is known how many are lost."""
    sender, receiver = Recorder(b"sender", Bounds(keep_bytes=2 * 201)), Recorder(b"receiver")
    receiver.topics.subscribed("g:a", NOW - 1)
    publish_lost(sender, "g:a", b"1", b"2", b"3")
    sender.topics.publish("g:a", b"4", NOW)
    receiver.topics.received("g:a", sender.take()[0], NOW)
    carry(sender, receiver)
    loss = Loss("g:a", sender.identity, 2, "the sender no longer keeps them")
    assert receiver.events == [loss, b"3", b"4"]


def test_what_is_no_longer_kept_may_be_of_before() -> None:
    """It is not known how many of those were ours, but that there was one."""
    sender, receiver = Recorder(b"sender", Bounds(keep_bytes=2 * 201)), Recorder(b"receiver")
    publish_lost(sender, "g:a", b"1", b"2")
    receiver.topics.subscribed("g:a", NOW + 1)
    publish_lost(sender, "g:a", b"3", b"4", now=NOW + 2)
    sender.topics.publish("g:a", b"5", NOW + 2)
    receiver.topics.received("g:a", sender.take()[0], NOW + 2)
    carry(sender, receiver, NOW + 2)
    loss = Loss("g:a", sender.identity, None, "the sender no longer keeps them")
    assert receiver.events == [loss, b"4", b"5"]


def test_no_loss_where_only_the_past_is_gone() -> None:
    """What is no longer kept was sent before the subscription."""
    sender, receiver = Recorder(b"sender", Bounds(keep_bytes=3 * 201)), Recorder(b"receiver")
    publish_lost(sender, "g:a", b"1", b"2")
    receiver.topics.subscribed("g:a", NOW + 1)
    publish_lost(sender, "g:a", b"3", b"4", now=NOW + 2)
    sender.topics.publish("g:a", b"5", NOW + 2)
    receiver.topics.received("g:a", sender.take()[0], NOW + 2)
    carry(sender, receiver, NOW + 2)
    assert receiver.events == [b"3", b"4", b"5"]


def test_a_sender_that_does_not_answer(sender: Recorder, receiver: Recorder) -> None:
    """What came is delivered in the end; how many came before it nobody knows."""
    publish_lost(sender, "g:a", b"1")
    sender.topics.publish("g:a", b"2", NOW)
    receiver.topics.received("g:a", sender.take()[0], NOW)
    now = NOW
    while now < NOW + 17:
        now = receiver.topics.tick(now)
    loss = Loss("g:a", sender.identity, None, "the sender does not answer")
    assert receiver.events == [loss, b"2"]


def test_an_idle_sender_is_forgotten_without_loss(sender: Recorder, receiver: Recorder) -> None:
    """And heard again as another chain: neither repeats anything nor declares anything."""
    for wait in (0.0, 59.0, 100.0, 300.0, 1000.0):
        now = NOW + wait
        while receiver.topics.tick(min(receiver.topics.next_tick, now)) <= now:
            pass
        sender.topics.publish("g:a", b"%d" % wait, now)
        receiver.topics.received("g:a", sender.take()[0], now)
        carry(sender, receiver, now)
    assert receiver.events == [b"0", b"59", b"100", b"300", b"1000"]


@pytest.mark.parametrize("times", [1, 2])
def test_nothing_comes_twice_after_joining_again(
    sender: Recorder, receiver: Recorder, times: int
) -> None:
    """Joining reaches back a little; over what came before the topic was left."""
    sender.topics.publish("g:a", b"1", NOW)
    receiver.topics.received("g:a", sender.take()[0], NOW + 0.01)
    for _ in range(times):
        receiver.topics.unsubscribed("g:a")
        receiver.topics.subscribed("g:a", NOW + 0.011)
    publish_lost(sender, "g:a", b"2", now=NOW + 0.012)
    sender.topics.publish("g:a", b"3", NOW + 0.013)
    receiver.topics.received("g:a", sender.take()[0], NOW + 0.033)
    carry(sender, receiver, NOW + 0.04)
    assert receiver.delivered == [b"1", b"2", b"3"]


def test_late_copies_do_not_come_after_joining_again(sender: Recorder, receiver: Recorder) -> None:
    """A frame that the bus repeats."""
    sender.topics.publish("g:a", b"1", NOW)
    (frame,) = sender.take()
    receiver.topics.received("g:a", frame, NOW)
    receiver.topics.unsubscribed("g:a")
    receiver.topics.subscribed("g:a", NOW)
    receiver.topics.received("g:a", frame, NOW)
    assert receiver.delivered == [b"1"]


def test_topics_that_were_left_are_forgotten(sender: Recorder) -> None:
    """When senders could not repeat anything any more; and there is a bound."""
    receiver = Recorder(b"receiver")
    for number in range(11_000):
        topic = f"g:{number}"
        receiver.topics.subscribed(topic, NOW)
        sender.topics.publish(topic, b"", NOW)
        receiver.topics.received(topic, sender.take()[0], NOW)
        receiver.topics.unsubscribed(topic)
    assert len(receiver.topics._hearing._left) == 10_000
    receiver.topics.tick(NOW + 31)
    assert len(receiver.topics._hearing._left) == 0


def test_memory_is_bounded_by_who_is_heard(receiver: Recorder) -> None:
    """Of senders that were heard once nothing is left."""
    for number in range(500):
        one = Recorder(b"%d" % number)
        one.topics.publish("g:a", b"", NOW)
        receiver.topics.received("g:a", one.take()[0], NOW)
    assert len(receiver.topics._hearing.topics["g:a"].chains) == 500
    receiver.topics.tick(NOW + 119)
    assert len(receiver.topics._hearing.topics["g:a"].chains) == 500
    receiver.topics.tick(NOW + 125)
    assert not receiver.topics._hearing.topics["g:a"].chains
