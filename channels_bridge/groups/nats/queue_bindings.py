"""Bindings: queues that get a copy of what is published to a topic, until an end.

Nothing in the middle copies. Whoever publishes does, so every process knows all bindings::

    bind() -> stored in a stream, for those who start later -> told to all others, who confirm

A process reads the stream once it is connected. Where JetStream is off there is no binding.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from channels_bridge.groups.nats.jetstream.jetstream_api import JetStream, JetStreamError
from channels_bridge.groups.nats.jetstream.jetstream_streams import (
    NO_MESSAGE_FOUND,
    NO_STREAM,
    base_configuration,
    make_stream,
)
from channels_bridge.groups.nats.jetstream.stream_clock import StreamClock, read_stamp
from channels_bridge.groups.nats.queue_writer import ID, TTL
from channels_bridge.groups.nats.subjects import Subjects

logger = logging.getLogger("channels_bridge.groups")

#: How many topics may have bindings until those that have ended are looked for.
SWEEP_AT = 1000

#: Seconds that reading all bindings may take.
READ_TIMEOUT = 30.0


class Binding(NamedTuple):
    """The terms on which a queue gets a topic's messages; ``until`` is in the loop's time."""

    capacity: int
    expiry: float
    until: float


class Change(NamedTuple):
    """What is stored and told: a binding for some seconds, or its end where these are none."""

    topic: str
    queue: str
    capacity: int
    expiry: float
    lifetime: float


#: What is told where all bindings end.
CLEARED = b"{}"


class QueueBindings:
    """All bindings of a project, as this process knows them.

    Lives on one event loop.

    Args:
        tell: sends a change to all other processes; returns once they know it.
    """

    def __init__(
        self, jetstream: JetStream, subjects: Subjects, tell: Callable[[bytes], Awaitable[None]]
    ) -> None:
        self._jetstream = jetstream
        self._subjects = subjects
        self._stream = subjects.bindings
        self._tell = tell
        self._bound: dict[str, dict[str, Binding]] = {}  # by topic, then by queue
        self._fresh: set[tuple[str, str]] | None = None  # those that change, while all are read
        self._sweep_at = SWEEP_AT
        self._clears = 0  # how often all have ended
        self._clock = StreamClock()

    def __contains__(self, topic: str) -> bool:
        return topic in self._bound

    def of(self, topic: str) -> dict[str, Binding]:
        """Those of a topic, by queue."""
        bound = self._bound.get(topic)
        if bound is None:
            return {}
        now = asyncio.get_running_loop().time()
        for queue in [queue for queue, binding in bound.items() if binding.until <= now]:
            self._remove(topic, queue)
        return dict(bound)

    async def bind(self, change: Change, *, until: float) -> None:
        """Bind, and return once all processes know.

        Args:
            until: when to give up, in the loop's time.

        Raises:
            NatsUnavailable: it is not known to be in force.
        """
        body = _encode(change)
        await self._store(change, body, until)
        self.take(body)
        await self._tell(body)

    async def unbind(self, topic: str, queue: str, *, until: float) -> None:
        """Undo that, and return once all processes know."""
        await self._purge({"filter": self._subjects.binding(topic, queue)}, until)
        body = _encode(Change(topic, queue, 0, 0, 0))
        self.take(body)
        await self._tell(body)

    async def clear(self, *, until: float) -> None:
        """Undo all bindings, and return once all processes know."""
        if await self._purge({}, until):
            self.take(CLEARED)
            await self._tell(CLEARED)

    def take(self, body: bytes) -> None:
        """Take a change that a process tells, or that this one makes."""
        if body == CLEARED:
            self._bound.clear()
            self._clears += 1
        elif (change := _read_change(body)) is not None:
            if self._fresh is not None:
                self._fresh.add((change.topic, change.queue))
            self._put(change, change.lifetime)

    async def read(self) -> None:
        """Read all bindings there are, in place of those that are known.

        Raises:
            NatsUnavailable: they can't be read now.
        """
        fresh: set[tuple[str, str]] = set()
        self._fresh = fresh
        try:
            await self._read(fresh)
        finally:
            if self._fresh is fresh:  # else another reading has begun
                self._fresh = None

    async def _read(self, fresh: set[tuple[str, str]]) -> None:
        clears = self._clears
        until = asyncio.get_running_loop().time() + READ_TIMEOUT
        found = await self._find(until)
        if clears != self._clears:  # what was found may have ended
            found = await self._find(until)
        if found is None:
            await self._store_again(until)
        else:
            self._replace(found, fresh)

    def _replace(self, found: list[tuple[Change, float]], fresh: set[tuple[str, str]]) -> None:
        """Know those that were found, and those that have changed meanwhile."""
        known = [(topic, queue) for topic, bound in self._bound.items() for queue in bound]
        for key in known:
            if key not in fresh:
                self._remove(*key)
        for change, left in found:
            if (change.topic, change.queue) not in fresh:
                self._put(change, left)

    def _put(self, change: Change, lifetime: float) -> None:
        if lifetime <= 0:
            self._remove(change.topic, change.queue)
            return
        until = asyncio.get_running_loop().time() + lifetime
        binding = Binding(change.capacity, change.expiry, until)
        self._bound.setdefault(change.topic, {})[change.queue] = binding
        if len(self._bound) >= self._sweep_at:
            self._sweep()

    def _sweep(self) -> None:
        """Forget those that have ended on topics to which nobody publishes any more."""
        for topic in list(self._bound):
            self.of(topic)
        self._sweep_at = max(SWEEP_AT, 2 * len(self._bound))

    def _remove(self, topic: str, queue: str) -> None:
        bound = self._bound.get(topic, {})
        bound.pop(queue, None)
        if not bound:
            self._bound.pop(topic, None)

    # What is stored.

    async def _store(self, change: Change, body: bytes, until: float) -> None:
        subject = self._subjects.binding(change.topic, change.queue)
        headers = {ID: uuid.uuid4().hex, TTL: str(max(1, math.ceil(change.lifetime)))}
        while not await self._jetstream.store(subject, body, headers, until=until):
            configuration = {
                **base_configuration(self._stream),
                "subjects": [self._subjects.all_bindings],
                "discard": "old",
                "max_msgs_per_subject": 1,
            }
            await make_stream(self._jetstream, configuration, until=until)

    async def _store_again(self, until: float) -> None:
        """Store what is known, as the stream has ended with its node."""
        for topic in list(self._bound):
            for queue, (capacity, expiry, end) in self.of(topic).items():
                left = end - asyncio.get_running_loop().time()
                change = Change(topic, queue, capacity, expiry, left)
                await self._store(change, _encode(change), until)

    async def _purge(self, body: dict[str, Any], until: float) -> bool:
        """Remove what is stored. False: nothing ever was."""
        try:
            await self._jetstream.ask(f"STREAM.PURGE.{self._stream}", body, until=until)
        except JetStreamError as error:
            if error.code != NO_STREAM:
                raise
            return False
        return True

    async def _find(self, until: float) -> list[tuple[Change, float]] | None:
        """All that is stored, and how many seconds each has left; None if there is no stream."""
        found: list[tuple[Change, float]] = []
        try:
            message = await self._next(1, until)
            await self._measure(until)
            while True:
                if (change := _read_change(base64.b64decode(message.get("data", "")))) is not None:
                    found.append((change, self._left_of(change, message)))
                message = await self._next(message["seq"] + 1, until)
        except JetStreamError as error:
            if error.code not in (NO_STREAM, NO_MESSAGE_FOUND):
                raise
            return found if error.code == NO_MESSAGE_FOUND else None

    async def _next(self, number: int, until: float) -> dict[str, Any]:
        body = {"seq": number, "next_by_subj": self._subjects.all_bindings}
        answer = await self._jetstream.ask(f"STREAM.MSG.GET.{self._stream}", body, until=until)
        message: dict[str, Any] = answer["message"]
        return message

    async def _measure(self, until: float) -> None:
        """Find out what time it is in the stream."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        info = await self._jetstream.ask(f"STREAM.INFO.{self._stream}", until=until)
        self._clock.reset()
        self._clock.note(info["ts"], asked, loop.time())

    def _left_of(self, change: Change, message: dict[str, Any]) -> float:
        now = self._clock.at(asyncio.get_running_loop().time())
        return read_stamp(message["time"]) + change.lifetime - now


def _encode(change: Change) -> bytes:
    return json.dumps(change._asdict()).encode()


def _read_change(body: bytes) -> Change | None:
    """What was stored or told; None where it can't be read."""
    try:
        change = Change(**json.loads(body))
        topic, queue, capacity, expiry, lifetime = change
        return Change(str(topic), str(queue), int(capacity), float(expiry), float(lifetime))
    except (ValueError, TypeError, OverflowError):
        logger.error("a binding of a channel to a group can't be read: %r", body[:200])
        return None
