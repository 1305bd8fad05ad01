"""Acknowledgements: who has handled a payload, and whether there was room for it.

They are messages of their own, to the process that asked. Topics have no common order, while what a
process has answered must be there before its acknowledgement counts. So whoever answers says on
which topics, and follows each answer on its topic by a message that says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgpack

from channels_bridge.common.event_deadline import is_set_within
from channels_bridge.groups.nats.client.nats_headers import NO_RESPONDERS, Reply
from channels_bridge.groups.nats.subjects import acknowledgements_of

#: What a message is, beside its payload.
PLAIN = 0
WANTS_ACKNOWLEDGEMENT = 1  # begins with a number
ACKNOWLEDGEMENT = 2
FOLLOWS_ANSWER = 3

#: Bytes of the number that a payload begins with.
NUMBER_SIZE = 8

#: Called with a topic, a payload and what it is.
Publish = Callable[[str, bytes, int], None]


@dataclass(slots=True)
class _Answer:
    has_room: bool
    owed: set[str]  # topics on which answers are still on their way


class Question:
    """A payload that wants to be acknowledged, while somebody waits for that.

    Attributes:
        is_unheard: whether a node has said that nobody listens, as far as it knows.
    """

    def __init__(self, number: int) -> None:
        self.is_unheard = False
        self._number = number
        self._cancels: list[Callable[[], object]] = []
        self._answers: dict[bytes, _Answer] = {}
        self._followed: set[tuple[bytes, str]] = set()
        self._changed = asyncio.Event()

    def wrap(self, payload: bytes) -> bytes:
        """Return what is sent."""
        return self._number.to_bytes(NUMBER_SIZE, "big") + payload

    @property
    def answered(self) -> set[bytes]:
        """The identities of those who have handled it, and whose answers are here."""
        return {sender for sender, answer in self._answers.items() if not answer.owed}

    @property
    def has_room(self) -> bool:
        """Whether all of them had room for it."""
        return all(answer.has_room for answer in self._answers.values())

    async def changes_within(self, seconds: float) -> bool:
        """Wait until something has come since the last such call."""
        if not await is_set_within(self._changed, max(seconds, 0)):
            return False
        self._changed.clear()
        return True

    def on_reply(self, reply: Reply) -> None:
        """Take what a node says of it."""
        if reply.status == NO_RESPONDERS:
            self.is_unheard = True
            self._changed.set()

    def call_at_end(self, cancel: Callable[[], object]) -> None:
        """Call something when nobody waits any more."""
        self._cancels.append(cancel)

    def end(self) -> None:
        """Nobody waits any more."""
        for cancel in self._cancels:
            cancel()

    def acknowledged(self, sender: bytes, has_room: bool, topics: set[str]) -> None:
        """Somebody has handled it, and has answered on these topics."""
        owed = {topic for topic in topics if (sender, topic) not in self._followed}
        self._answers[sender] = _Answer(has_room, owed)
        self._changed.set()

    def followed(self, sender: bytes, topic: str) -> None:
        """An answer is here."""
        self._followed.add((sender, topic))
        if sender in self._answers:
            self._answers[sender].owed.discard(topic)
            self._changed.set()

    def forget(self, topic: str) -> None:
        """Don't wait for answers on a topic that was unsubscribed."""
        for answer in self._answers.values():
            answer.owed.discard(topic)
        self._changed.set()


class Acknowledgements:
    """Both sides: acknowledging, and being acknowledged.

    Args:
        identity: this process'.
        publish: sends a message to a topic.
        is_subscribed: whether this process gets what is sent to a topic.
    """

    def __init__(
        self, identity: bytes, publish: Publish, is_subscribed: Callable[[str], bool]
    ) -> None:
        self.topic = acknowledgements_of(identity)
        self._identity = identity
        self._publish = publish
        self._is_subscribed = is_subscribed
        self._asked = 0
        self._questions: dict[int, Question] = {}
        self._answered: list[str] | None = None  # topics, while a payload is being handled

    # Asking.

    @contextlib.contextmanager
    def asking(self) -> Iterator[Question]:
        """Wait for acknowledgements of one payload within this block."""
        self._asked += 1
        number = self._asked
        question = self._questions[number] = Question(number)
        try:
            yield question
        finally:
            del self._questions[number]
            question.end()

    def received(self, sender: bytes, payload: bytes) -> None:
        """Take an acknowledgement."""
        number, has_room, topics = msgpack.unpackb(payload)
        if (question := self._questions.get(number)) is not None:
            question.acknowledged(sender, has_room, set(filter(self._is_subscribed, topics)))

    def followed(self, topic: str, sender: bytes, payload: bytes) -> None:
        """Take what follows an answer, which may be somebody else's."""
        identity, number = msgpack.unpackb(payload)
        if identity == self._identity and (question := self._questions.get(number)) is not None:
            question.followed(sender, topic)

    def unsubscribed(self, topic: str) -> None:
        """Nothing comes on a topic any more."""
        for question in self._questions.values():
            question.forget(topic)

    # Being asked.

    def handle(self, sender: bytes, payload: bytes, handle: Callable[[bytes], bool]) -> None:
        """Handle a payload that wants to be acknowledged, and acknowledge it.

        Args:
            handle: called with what was asked; returns whether there was room for it.
        """
        number = int.from_bytes(payload[:NUMBER_SIZE], "big")
        outer, self._answered = self._answered, []
        try:
            has_room = handle(payload[NUMBER_SIZE:])
        finally:
            topics, self._answered = list(dict.fromkeys(self._answered)), outer
        follower = msgpack.packb([sender, number])
        for topic in topics:
            self._publish(topic, follower, FOLLOWS_ANSWER)
        acknowledgement = msgpack.packb([number, has_room, topics])
        self._publish(acknowledgements_of(sender), acknowledgement, ACKNOWLEDGEMENT)

    def note_published(self, topic: str) -> None:
        """Note that something was published: an answer, if a payload is being handled."""
        if self._answered is not None:
            self._answered.append(topic)
