"""Reliable topics: the interface that a transport uses."""

from __future__ import annotations

import pytest

from channels_bridge.groups.reliable.frame_format import HEAD_SIZE
from channels_bridge.groups.reliable.reliable_topics import ReliableTopics, overhead
from compat_tests.groups.reliable.recorder import NOW, Recorder, carry, publish_lost


def test_tags_and_senders_reach_the_receiver(sender: Recorder) -> None:
    """Sent once, or again."""
    delivered = []

    class Collector(Recorder):
        def deliver(self, topic: str, sender: bytes, tag: int, payload: bytes) -> None:
            delivered.append((topic, sender, tag, payload))

    receiver = Collector(b"receiver")
    receiver.topics.subscribed("g:a", NOW - 60)
    sender.topics.publish("g:a", b"1", NOW)
    receiver.topics.received("g:a", sender.take()[0], NOW)
    sender.topics.publish("g:a", b"2", NOW, tag=7)
    sender.take()
    sender.topics.publish("g:a", b"3", NOW, tag=255)
    receiver.topics.received("g:a", sender.take()[0], NOW)
    carry(sender, receiver)
    assert delivered == [
        ("g:a", sender.identity, 0, b"1"),
        ("g:a", sender.identity, 7, b"2"),
        ("g:a", sender.identity, 255, b"3"),
    ]


def test_an_identity_has_eight_bytes() -> None:
    """An error says what to give."""
    with pytest.raises(ValueError, match=r"os\.urandom\(8\)"):
        ReliableTopics(
            identity=b"short",
            bus=Recorder(b"bus"),
            deliver=print,
            on_loss=print,
            on_unheard=print,
        )


def test_own_frames_are_ignored(receiver: Recorder) -> None:
    """Should the bus bring them back."""
    receiver.topics.publish("g:a", b"1", NOW)
    receiver.topics.received("g:a", receiver.take()[0], NOW)
    receiver.topics.bus_changed(NOW, away=True)
    receiver.topics.received_control(receiver.told_all[0], NOW)
    assert not receiver.delivered
    assert not receiver.told


def test_subscribing_twice_is_once(receiver: Recorder, sender: Recorder) -> None:
    """Nothing is forgotten."""
    publish_lost(sender, "g:a", b"1", now=NOW - 1)
    receiver.topics.subscribed("g:a", NOW)
    sender.topics.publish("g:a", b"2", NOW)
    receiver.topics.received("g:a", sender.take()[0], NOW)
    carry(sender, receiver)
    assert receiver.delivered == [b"1", b"2"]


def test_leaving_what_was_not_subscribed(receiver: Recorder) -> None:
    """Does nothing."""
    receiver.topics.unsubscribed("g:b")


def test_next_tick_moves(sender: Recorder) -> None:
    """A message needs a mark soon."""
    assert sender.topics.next_tick == float("inf")
    sender.topics.bus_changed(NOW, away=True)
    assert sender.topics.tick(NOW) > NOW + 0.01
    for _ in range(3):
        sender.topics.tick(sender.topics.next_tick)
    idle = sender.topics.next_tick
    sender.topics.publish("g:a", b"", idle - 1)
    assert sender.topics.next_tick == pytest.approx(idle - 1 + 0.1)


def test_ticks_are_few(sender: Recorder) -> None:
    """An idle process wakes up for audits and announcements only."""
    sender.topics.bus_changed(NOW, away=True)
    publish_lost(sender, "g:a", b"")
    now, ticks = NOW, 0
    while now < NOW + 600:
        now = sender.topics.tick(now)
        ticks += 1
    assert ticks < 250


def test_statistics(sender: Recorder, receiver: Recorder) -> None:
    """Of both sides of a gap."""
    sender.topics.publish("g:a", b"1", NOW)
    receiver.topics.received("g:a", sender.take()[0], NOW)
    publish_lost(sender, "g:a", b"2")
    sender.topics.publish("g:a", b"3", NOW)
    (frame,) = sender.take()
    for _ in range(2):
        receiver.topics.received("g:a", frame, NOW)
    carry(sender, receiver)
    got, sent = receiver.topics.statistics, sender.topics.statistics
    assert (got.gaps, got.asked, got.recovered, got.missed) == (1, 1, 1, 0)
    assert got.duplicates == 2  # the frame that came twice, and its resend
    assert (sent.kept, sent.resent, sent.window) == (3, 2, 15.0)


def test_overhead_of_a_message() -> None:
    """A message has a head only."""
    assert HEAD_SIZE == 27
    assert overhead("g:a") > HEAD_SIZE


def test_frames_of_a_topic_that_was_left_are_ignored(sender: Recorder, receiver: Recorder) -> None:
    """They were on their way."""
    sender.topics.publish("g:a", b"1", NOW)
    receiver.topics.unsubscribed("g:a")
    receiver.topics.received("g:a", sender.take()[0], NOW)
    assert not receiver.delivered
