"""The streams that named queues are in: one for each capacity, made by whoever needs it first.

A stream bounds how many messages each of its subjects may hold, and that bound is the stream's. So
a queue's messages are in the stream of its capacity, under its name. When the capacity in CONFIG
changes, processes with the old value and with the new one use different streams for a while:
``find_others()`` tells where else something waits.

What was given back is in the stream of capacity 0, which has no bound of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from typing import Any

from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.jetstream.jetstream_api import JetStream, JetStreamError
from channels_bridge.groups.nats.jetstream.jetstream_streams import (
    NANOSECONDS,
    NO_STREAM,
    base_configuration,
    make_stream,
)
from channels_bridge.groups.nats.jetstream.shared_work import SharedWork
from channels_bridge.groups.nats.jetstream.stream_clock import StreamClock
from channels_bridge.groups.nats.subjects import Subjects, token

#: The "capacity" of the stream of what was given back.
GIVEN_BACK = 0

#: Seconds that the one who asked for a message has to take it, before another one gets it. What is
#: asked for is waited for ``ASK_FOR`` seconds of these; a new leader takes five or six.
ACK_WAIT = 15.0
ASK_FOR = 5.0

#: Seconds until a consumer that nobody asks any more is removed.
IDLE = 3600.0

#: Seconds after which a stream is asked for the time again.
CLOCK_LASTS = 60.0

#: How many may wait for messages of one queue.
MAX_WAITING = 4096


class QueueStreams:
    """The streams of a project's named queues.

    Lives on one event loop.

    Args:
        work: does what several callers wait for.
    """

    def __init__(self, jetstream: JetStream, subjects: Subjects, work: SharedWork) -> None:
        self._work = work
        self._jetstream = jetstream
        self._subjects = subjects
        self._present: set[int] = set()  # those known to be there, by capacity
        self._consumers: set[tuple[int, str]] = set()  # the same for consumers, and their queues
        self._clocks: defaultdict[int, StreamClock] = defaultdict(StreamClock)

    def name(self, capacity: int) -> str:
        """What a stream is called."""
        return f"{self._subjects.stream}-{capacity}"

    async def require(self, capacity: int, *, until: float) -> None:
        """Make a stream, unless it is there; give it this release's configuration."""
        if capacity not in self._present:
            await self._work.run(capacity, lambda: self._make(capacity, until))

    async def require_consumer(self, capacity: int, queue: str, *, until: float) -> str:
        """Make the consumer that hands out a queue's messages, and its stream, unless it is there.

        Returns:
            The action by which the next message is asked for.
        """
        key = capacity, queue
        if key not in self._consumers:
            await self._work.run(key, lambda: self._make_consumer(capacity, queue, until))
        return f"CONSUMER.MSG.NEXT.{self.name(capacity)}.{consumer_name(queue)}"

    def forget(self, capacity: int) -> None:
        """Make a stream and its consumers anew when they are needed: they seem to be gone."""
        self._present.discard(capacity)
        self._consumers = {known for known in self._consumers if known[0] != capacity}

    def forget_all(self) -> None:
        """Do that for all: the connection is another one, and its node may have been emptied."""
        self._present.clear()
        self._consumers.clear()

    def time(self, capacity: int) -> float:
        """What time it is in a stream that is there, in seconds since 1970."""
        return self._clocks[capacity].at(asyncio.get_running_loop().time())

    async def set_clock(self, capacity: int, *, until: float) -> None:
        """Ask a stream what time it is, unless that was done a short while ago."""
        if self._clocks[capacity].is_older(CLOCK_LASTS, asyncio.get_running_loop().time()):
            await self.count(capacity, "", until=until)

    async def count(self, capacity: int, queue: str, *, until: float) -> int:
        """How many messages of a queue a stream holds; 0 if there is no such stream."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        subject = self._subjects.queue(queue, capacity)
        try:
            info = await self._jetstream.ask(
                f"STREAM.INFO.{self.name(capacity)}", {"subjects_filter": subject}, until=until
            )
        except JetStreamError as error:
            if error.code == NO_STREAM:
                return 0
            raise
        self._clocks[capacity].note(info["ts"], asked, loop.time())
        return int(info["state"].get("subjects", {}).get(subject, 0))

    async def find_others(self, capacity: int, queue: str, *, until: float) -> list[int]:
        """The capacities of the streams that hold something for a queue, but the one given."""
        names = await self.find_all(until=until, subject=f"*.{token(queue)}")
        found = sorted(self._capacity_of(name) for name in names)
        return [
            other
            for other in found
            if other != capacity and await self.count(other, queue, until=until)
        ]

    async def find_all(self, *, until: float, subject: str = ">") -> list[str]:
        """The names of all streams that have subjects such as these."""
        body = {"subject": self._subjects.all_queues.replace(">", subject)}
        answer = await self._jetstream.ask("STREAM.NAMES", body, until=until)
        return [name for name in answer.get("streams") or () if self._is_ours(name)]

    def _is_ours(self, name: str) -> bool:
        stem, _, capacity = name.rpartition("-")
        return stem == self._subjects.stream and capacity.isdecimal()

    def _capacity_of(self, name: str) -> int:
        return int(name.rpartition("-")[2])

    def _configuration(self, capacity: int) -> dict[str, Any]:
        configuration = {
            **base_configuration(self.name(capacity)),
            "subjects": [self._subjects.all_queues.replace(">", f"{capacity}.*")],
            "discard": "new",
        }
        if capacity != GIVEN_BACK:
            configuration |= {"max_msgs_per_subject": capacity, "discard_new_per_subject": True}
        return configuration

    async def _make(self, capacity: int, until: float) -> None:
        await make_stream(self._jetstream, self._configuration(capacity), until=until)
        self._clocks[capacity].reset()
        await self.count(capacity, "", until=until)  # sets the clock
        self._present.add(capacity)

    async def _make_consumer(self, capacity: int, queue: str, until: float) -> None:
        await self.require(capacity, until=until)
        stream, consumer = self.name(capacity), consumer_name(queue)
        subject = self._subjects.queue(queue, capacity)
        action = f"CONSUMER.CREATE.{stream}.{consumer}.{subject}"
        body = {"stream_name": stream, "config": _consumer_configuration(consumer, subject)}
        try:
            await self._jetstream.ask(action, body, until=until)
        except JetStreamError as error:
            if error.code != NO_STREAM:
                raise
            self.forget(capacity)
            raise NatsUnavailable(f"{stream} has ended with its node") from error
        self._consumers.add((capacity, queue))


def consumer_name(queue: str) -> str:
    """What the consumer of a queue is called, which may hold no slash and not be long."""
    name = token(queue).replace("/", "+")
    return name if len(name) <= 200 else hashlib.sha256(name.encode()).hexdigest()


def _consumer_configuration(name: str, subject: str) -> dict[str, Any]:
    return {
        "durable_name": name,
        "filter_subject": subject,
        "ack_policy": "explicit",
        "ack_wait": int(ACK_WAIT * NANOSECONDS),
        "inactive_threshold": int(IDLE * NANOSECONDS),
        "max_waiting": MAX_WAITING,
        "mem_storage": True,
    }
