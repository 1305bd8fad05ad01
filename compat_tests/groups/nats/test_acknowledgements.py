"""Acknowledgements: whom they come from, what has to be there before, and what strangers send."""

from __future__ import annotations

import pytest

from channels_bridge.groups.nats.acknowledgements import (
    ACKNOWLEDGEMENT,
    FOLLOWS_ANSWER,
    Acknowledgements,
)
from channels_bridge.groups.nats.client.nats_headers import Reply

A, B = b"proces-a", b"proces-b"


class Pair:
    """Two processes: what one publishes the other gets, when the test says so."""

    def __init__(self):
        self.sent = []
        self.topics = {"p:asker", "g:room"}
        self.asker = Acknowledgements(A, self._refuse, self.topics.__contains__)
        self.other = Acknowledgements(B, lambda *message: self.sent.append(message), lambda _: True)

    def _refuse(self, *message):
        raise AssertionError("the asker acknowledges nothing")

    def handle(self, question, *answers, room=True):
        """Let the other one handle what was asked, and answer on some topics."""

        def handle(payload):
            assert payload == b"hello"
            for topic in answers:
                self.other.note_published(topic)
            return room

        self.other.handle(A, question.wrap(b"hello"), handle)

    def deliver(self, topic):
        """Let the next message on a topic arrive."""
        message = next(message for message in self.sent if message[0] == topic)
        self.sent.remove(message)
        topic, payload, kind = message
        if kind == ACKNOWLEDGEMENT:
            self.asker.received(B, payload)
        elif kind == FOLLOWS_ANSWER:
            self.asker.followed(topic, B, payload)


@pytest.fixture
def pair():
    return Pair()


@pytest.mark.parametrize("room", [True, False])
async def test_acknowledges(pair, room):
    """Who asks learns who has handled it, and whether there was room."""
    with pair.asker.asking() as question:
        pair.handle(question, room=room)
        assert not question.answered
        pair.deliver(pair.asker.topic)
        assert question.answered == {B}
        assert question.has_room == room
        assert await question.changes_within(0)
        assert not await question.changes_within(0)


@pytest.mark.parametrize("first", ["acknowledgement", "answers"])
async def test_answers_come_before(pair, first):
    """An acknowledgement counts once what was answered is here, on each topic that is heard."""
    topics = ["p:asker", "g:room", "g:elsewhere", "p:asker"]
    with pair.asker.asking() as question:
        pair.handle(question, *topics)
        assert [message[0] for message in pair.sent] == [*topics[:3], pair.asker.topic]
        order = [pair.asker.topic, "p:asker", "g:room"]
        for topic in order if first == "acknowledgement" else reversed(order):
            assert not question.answered
            pair.deliver(topic)
        assert question.answered == {B}


async def test_answer_on_a_topic_that_is_left(pair):
    """Nobody waits for an answer on a topic that was unsubscribed meanwhile."""
    with pair.asker.asking() as question:
        pair.handle(question, "p:asker", "g:room")
        pair.deliver(pair.asker.topic)
        pair.deliver("p:asker")
        assert not question.answered
        pair.asker.unsubscribed("g:room")
        assert question.answered == {B}


async def test_too_late(pair):
    """What comes after the asker has gone is nobody's."""
    with pair.asker.asking() as question:
        pair.handle(question, "p:asker")
    with pair.asker.asking() as another:
        pair.deliver("p:asker")
        pair.deliver(pair.asker.topic)
        assert not another.answered
    assert not question.answered


async def test_followers_for_others(pair):
    """What follows an answer to another process, on a topic that is heard here, too, is its."""
    other_asker = Acknowledgements(b"proces-c", lambda *_: None, lambda _: True)
    with pair.asker.asking() as question, other_asker.asking() as others:
        pair.handle(question, "g:room")
        follower = next(payload for topic, payload, _ in pair.sent if topic == "g:room")
        pair.deliver(pair.asker.topic)
        other_asker.followed("g:room", B, follower)
        assert not others.answered
        assert not question.answered


async def test_nobody_listens(pair):
    """A node's word that there are no responders is noted; other replies are not."""
    ended = []
    with pair.asker.asking() as question:
        question.call_at_end(lambda: ended.append(1))
        question.on_reply(Reply(b"hello"))
        assert not question.is_unheard
        question.on_reply(Reply(b"", 503))
        assert question.is_unheard
        assert await question.changes_within(0)
        assert not ended
    assert ended == [1]


async def test_a_handler_that_fails(pair):
    """Who can't handle what was asked does not acknowledge it, and goes on."""

    def fail(payload):
        raise LookupError(payload)

    with pair.asker.asking() as question:
        with pytest.raises(LookupError):
            pair.other.handle(A, question.wrap(b"hello"), fail)
        pair.other.note_published("p:asker")  # belongs to nothing any more
        assert pair.sent == []
        pair.handle(question)
        pair.deliver(pair.asker.topic)
        assert question.answered == {B}
