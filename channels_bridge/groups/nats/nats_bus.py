"""The bus of the reliable layer: its frames as messages of NATS, each at most once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.nats.acknowledgements import Question
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.subjects import Subjects

logger = logging.getLogger("channels_bridge.groups")

#: How many subjects are remembered; making one takes two microseconds.
REMEMBERED = 4096


class NatsBus:
    """Carries frames to other processes. Never raises.

    Args:
        connection: the connection.
        subjects: of topics and processes.

    Attributes:
        question: told when a node says that nobody listens to what is being published.
        subject: the subject of a topic.
    """

    def __init__(self, connection: NatsConnection, subjects: Subjects) -> None:
        self.question: Question | None = None
        self.subject: Callable[[str], str] = lru_cache(maxsize=REMEMBERED)(subjects.topic)
        self._connection = connection
        self._subjects = subjects
        self._notices = Notices(logger)

    def publish(self, topic: str, head: bytes, payload: bytes) -> None:
        """Send a frame to all others that have subscribed a topic."""
        subject = self.subject(topic)
        try:
            if self.question is None:
                self._connection.publish(subject, head, payload)
            else:
                self._publish_asking(self.question, subject, head + payload)
        except ValueError as error:
            self._note(error)

    def publish_to(self, identity: bytes, frame: bytes) -> None:
        """Send a frame to one process."""
        self._publish_control(self._subjects.control_of(identity), frame)

    def publish_to_all(self, frame: bytes) -> None:
        """Send a frame to all processes."""
        self._publish_control(self._subjects.control, frame)

    def _publish_asking(self, question: Question, subject: str, frame: bytes) -> None:
        cancel = self._connection.request_many(subject, frame, question.on_reply)
        question.call_at_end(cancel)

    def _publish_control(self, subject: str, frame: bytes) -> None:
        try:
            self._connection.publish(subject, frame)
        except ValueError as error:
            self._note(error)

    def _note(self, error: ValueError) -> None:
        """It is larger than this node allows, though another one has allowed it."""
        self._notices.log(logging.ERROR, "size", "a message can't be sent: %s", error)
