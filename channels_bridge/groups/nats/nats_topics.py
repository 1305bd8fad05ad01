"""Topics over NATS: reliable, and of payloads of any size.

::

    nats_transport
         |  topics, payloads
    nats_topics -- pieces
         |  topics, payloads that a node takes
    reliable
         |  topics, frames
     nats_bus -- subjects
         |  subjects, messages
      client
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.nats.acknowledgements import Question
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.nats_bus import NatsBus
from channels_bridge.groups.nats.pieces import Assembler, cut
from channels_bridge.groups.nats.subjects import Subjects
from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.reliable_context import Loss
from channels_bridge.groups.reliable.reliable_topics import ReliableStatistics, ReliableTopics

logger = logging.getLogger("channels_bridge.groups")

#: A bit of the tag: this is a piece of a payload.
PIECE = 0x80

#: The largest message that a node is sent, in bytes, whatever it allows.
MAX_MESSAGE = 1024 * 1024

#: The same while no node has said what it allows.
MAX_UNKNOWN = 64 * 1024

#: What a message may have besides the payload or piece: more than the reliable layer ever needs.
OVERHEAD = 4096

#: Seconds until the clock's next tick where one has failed: nothing is recovered without it.
AFTER_ERROR = 1.0

#: Called with a topic, the sender's identity, what the payload is, and the payload.
Handle = Callable[[str, bytes, int, bytes], None]


class NatsTopics:
    """Publishes to topics, and hears them.

    Args:
        connection: carries what is published. Its messages for topics go to ``received()``, which
            are subscribed under their own names.
        subjects: of the topics.
        identity: this process', 8 bytes.
        bounds: what is kept for those who miss something.
        held_bytes: how much incomplete payloads may take.
        handle: gets what others publish. What it raises is logged.

    Attributes:
        published_at: when something was published last, on a monotonic clock.
    """

    def __init__(
        self,
        connection: NatsConnection,
        subjects: Subjects,
        *,
        identity: bytes,
        bounds: Bounds,
        held_bytes: int,
        handle: Handle,
    ) -> None:
        self.published_at = float("-inf")
        self._connection = connection
        self._bus = NatsBus(connection, subjects)
        self._identity = identity
        self._handle = handle
        self._topics: dict[str, object] = {}  # the subscription of each
        self._room = MAX_UNKNOWN - OVERHEAD
        self._cut = 0  # payloads
        self._reliable = ReliableTopics(
            identity=identity,
            bus=self._bus,
            deliver=self._delivered,
            bounds=bounds,
            on_loss=self._lost,
            on_unheard=self._subscribe_again,
        )
        self._assembler = Assembler(held_bytes, self._lost_piece)
        self._missed = 0  # payloads of which pieces came
        self._unreadable = 0  # frames that were spoken of
        self._notices = Notices(logger)
        self._due = float("inf")
        self._timer: asyncio.TimerHandle | None = None
        for subject in (subjects.control, subjects.own_control):
            connection.subscribe(subject, partial(self._control))  # a key may have one subject only
        self._tick()

    # What the transport asks for.

    def __contains__(self, topic: str) -> bool:
        return topic in self._topics

    def subscribe(self, topic: str) -> object:
        """Ask for a topic, unless it was asked for before.

        Returns:
            The subscription: another one each time that it is asked for anew.
        """
        subscription = self._topics.get(topic)
        if subscription is None:
            subscription = self._topics[topic] = object()
            self._reliable.subscribed(topic, time.monotonic())
            self._connection.subscribe(self._bus.subject(topic), topic)
        return subscription

    def unsubscribe(self, topic: str) -> None:
        """Stop asking for a topic."""
        if self._topics.pop(topic, None) is None:
            return
        self._reliable.unsubscribed(topic)
        self._assembler.forget_topic(topic)
        self._connection.unsubscribe(topic)

    def publish(
        self, topic: str, payload: bytes, kind: int = 0, question: Question | None = None
    ) -> None:
        """Send to all others that have subscribed.

        Args:
            kind: 0 to 127, which the receivers get as well.
            question: told when a node says that nobody listens.
        """
        now = self.published_at = time.monotonic()
        self._bus.question = question
        if len(payload) <= self._room:
            self._reliable.publish(topic, payload, now, tag=kind)
        else:
            self._cut += 1
            for piece in cut(payload, self._cut, self._room):
                self._reliable.publish(topic, piece, now, tag=kind | PIECE)
        self._bus.question = None
        self._look_at_clock()

    def connected(self) -> None:
        """There is a link, the first one or another: what was sent meanwhile may be lost."""
        max_payload = min(self._connection.info.max_payload, MAX_MESSAGE)
        self._room = max_payload - OVERHEAD
        since = self._connection.heard_at
        self._reliable.bus_changed(time.monotonic(), away=True, since=since)
        self._look_at_clock()

    def cluster_changed(self) -> None:
        """Nodes have come, or gone, or are cut off: what was sent meanwhile may be lost."""
        self._reliable.bus_changed(time.monotonic(), away=False)
        self._look_at_clock()

    def say_last_numbers(self) -> None:
        """Let everybody find out now what they have missed: this process is about to end."""
        self._reliable.mark_now(time.monotonic())

    @property
    def statistics(self) -> ReliableStatistics:
        """What happened. Payloads that were too large, or never complete, are missed, too."""
        statistics = self._reliable.statistics
        statistics.missed += self._missed
        return statistics

    def close(self) -> None:
        """Do nothing more, whatever is still asked for."""
        if self._timer is not None:
            self._timer.cancel()
        self._due = float("-inf")

    # What comes from the connection.

    def received(self, topic: str, frame: bytes) -> None:
        """Take a message for a topic."""
        self._reliable.received(topic, frame, time.monotonic())
        self._look_at_clock()

    def _control(self, frame: bytes, _reply: bytes) -> None:
        self._reliable.received_control(frame, time.monotonic())
        self._look_at_clock()

    # What the reliable layer delivers and declares.

    def _delivered(self, topic: str, sender: bytes, tag: int, payload: bytes) -> None:
        whole: bytes | None = payload
        if tag & PIECE:
            whole = self._assembler.add(topic, sender, payload, time.monotonic())
        if whole is None:
            return
        try:
            self._handle(topic, sender, tag & ~PIECE, whole)
        except Exception:
            # The edge: what one process sends must not keep this one from hearing the others.
            logger.exception("a message to %s can't be handled", topic)

    def _lost(self, loss: Loss) -> None:
        self._assembler.forget(loss.topic, loss.sender)
        if loss.sender == self._identity:
            text = "other processes may have missed what this one has sent: %s"
            self._notices.log(logging.ERROR, "own loss", text, loss.reason)
        else:
            self._declare(loss.topic or "any topic", loss.count, loss.reason)

    def _lost_piece(self, topic: str, _sender: bytes, reason: str) -> None:
        self._missed += 1
        self._declare(topic, 1, f"a large one could not be put together, as {reason}")

    def _declare(self, topic: str, count: int | None, reason: str) -> None:
        self._notices.log(
            logging.ERROR,
            "loss",
            "this process has missed %s to %s from another one: %s",
            "messages" if count is None else f"{count} message{'s' * (count != 1)}",
            topic,
            reason,
        )

    def _subscribe_again(self, topic: str) -> None:
        if topic in self._topics:
            self._notices.warn(
                "unheard", "the NATS server did not bring %s: it is asked for it again", topic
            )
            self._connection.unsubscribe(topic)
            self._connection.subscribe(self._bus.subject(topic), topic)

    # Time.

    def _tick(self) -> None:
        now = time.monotonic()
        due = now + AFTER_ERROR
        try:
            self._assembler.expire(now)
            due = self._reliable.tick(now)
        finally:
            self._wake_at(due)
        self._speak_of_unreadable()

    def _speak_of_unreadable(self) -> None:
        unreadable = self._reliable.statistics.unreadable
        if unreadable > self._unreadable:
            self._notices.warn(
                "unreadable",
                "%d messages over NATS can't be read: they are of another release, or of somebody "
                "else who uses the same `prefix`",
                unreadable - self._unreadable,
            )
            self._unreadable = unreadable

    def _look_at_clock(self) -> None:
        if self._reliable.next_tick < self._due:
            self._wake_at(self._reliable.next_tick)

    def _wake_at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        delay = max(due - time.monotonic(), 0)
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)
