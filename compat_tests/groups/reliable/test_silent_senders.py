"""Senders that do not answer, with gaps in more chains than are asked for at a time."""

from __future__ import annotations

import pytest

from channels_bridge.groups.reliable.bounds import Bounds
from compat_tests.groups.reliable.recorder import NOW, Recorder, carry, publish_lost

TOPICS = [f"g:{number}" for number in range(1000)]


@pytest.fixture
def listener() -> Recorder:
    """A process that has subscribed all topics."""
    listener = Recorder(b"listener")
    for topic in ("g:a", *TOPICS):
        listener.topics.subscribed(topic, NOW - 60)
    return listener


def make_gaps(sender: Recorder, listener: Recorder, *topics: str, now: float = NOW) -> None:
    """Publish three messages to each topic, the second of which does not arrive."""
    for payload in (b"1", b"2", b"3"):
        for topic in topics:
            sender.topics.publish(topic, payload, now)
        for topic, frame in sender.published:
            if payload != b"2":
                listener.topics.received(topic, frame, now)
        sender.published.clear()


def wait(listener: Recorder, now: float, until: float) -> float:
    """Let time go by, and nobody answer; return when the next request is due."""
    while now < until:
        now = max(listener.topics.tick(now), now + 0.001)
        listener.told.clear()
    return now


def test_they_hold_up_nobody(sender: Recorder, listener: Recorder) -> None:
    """One that has died leaves room for those that live."""
    make_gaps(Recorder(b"dead"), listener, *TOPICS)
    make_gaps(sender, listener, "g:a")
    now = NOW
    while sender.identity not in [identity for identity, _ in listener.told]:
        assert now < NOW + 1
        now = max(listener.topics.tick(now), now + 0.001)
    carry(sender, listener, now)
    assert b"2" in listener.delivered


def test_they_are_given_up_as_a_whole(listener: Recorder) -> None:
    """What they lack is declared once they have said nothing for so long, however much it is."""
    make_gaps(Recorder(b"dead"), listener, *TOPICS)
    patience = Bounds().patience_seconds
    wait(listener, NOW, NOW + patience - 1)
    assert not listener.losses
    wait(listener, NOW + patience - 1, NOW + patience + 2)
    assert sorted(loss.topic for loss in listener.losses) == sorted(TOPICS)
    assert {(loss.count, loss.reason) for loss in listener.losses} == {
        (1, "the sender does not answer")
    }
    assert listener.delivered.count(b"3") == len(TOPICS)


def test_one_that_answers_late_is_asked_for_all(sender: Recorder, listener: Recorder) -> None:
    """It could not be reached for a while; then everything comes, and nothing was declared."""
    make_gaps(sender, listener, *TOPICS)
    now = wait(listener, NOW, NOW + 8)
    while listener.delivered.count(b"3") < len(TOPICS):
        assert now < NOW + 12
        now = max(listener.topics.tick(now), now + 0.001)
        carry(sender, listener, now)
        sender.topics.tick(now)
    assert listener.delivered.count(b"2") == len(TOPICS)
    assert not listener.losses


def test_leaving_the_topic_that_is_asked_for(sender: Recorder, listener: Recorder) -> None:
    """Another topic of the silent sender is asked for in its place."""
    make_gaps(sender, listener, *TOPICS)
    now = wait(listener, NOW, NOW + 2)
    for topic in TOPICS[:-1]:
        listener.topics.unsubscribed(topic)
    now = wait(listener, now, now + 2)
    make_gaps(sender, listener, "g:a", now=now)
    while listener.delivered.count(b"2") < 2:
        assert now < NOW + 12
        now = max(listener.topics.tick(now), now + 0.001)
        carry(sender, listener, now)
    assert not listener.losses


def test_silence_after_a_loss_is_forgotten(sender: Recorder, listener: Recorder) -> None:
    """Who was given up and comes back is asked as anybody else."""
    make_gaps(sender, listener, *TOPICS[:50])
    now = wait(listener, NOW, NOW + 20)
    assert len(listener.losses) == 50
    publish_lost(sender, TOPICS[0], b"4", now=now)
    sender.topics.publish(TOPICS[0], b"5", now)
    ((topic, frame),) = sender.published
    listener.topics.received(topic, frame, now)
    carry(sender, listener, now)
    assert listener.delivered[-2:] == [b"4", b"5"]
