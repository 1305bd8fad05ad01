"""Putting messages into named queues: each once, in order, within the queue's capacity.

What is stored has an id, so that a message of which no answer came may be sent again. A queue's
messages are sent one after the other by a process: one that has to be repeated keeps its place.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import math
import uuid
from collections import defaultdict
from collections.abc import Mapping
from itertools import count
from typing import Any

from channels.exceptions import MessageTooLarge

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import read_headers
from channels_bridge.groups.nats.jetstream.jetstream_api import PAUSE, JetStream, JetStreamError
from channels_bridge.groups.nats.jetstream.jetstream_streams import DUPLICATES
from channels_bridge.groups.nats.jetstream.stream_clock import read_stamp
from channels_bridge.groups.nats.queue_streams import GIVEN_BACK, QueueStreams
from channels_bridge.groups.nats.subjects import Subjects

logger = logging.getLogger("channels_bridge.groups")

#: The header that says for how many seconds a message may wait. JetStream's own, which makes it
#: forget the message, knows whole seconds only.
EXPIRY = "Bridge-Expiry"
TTL = "Nats-TTL"
ID = "Nats-Msg-Id"

#: The most bytes that headers add to a payload.
HEADERS = 200

#: What JetStream says when a subject holds as many messages as it may.
FULL = 10077

#: What it says when its memory is used up.
NO_MEMORY = frozenset({10002, 10023, 10028, 10047})

#: The longest that storing a message may take, in seconds: until JetStream forgets its id.
LONGEST = 0.8 * DUPLICATES


class QueueWriter:
    """Named queues, as this process writes them.

    Lives on one event loop.
    """

    def __init__(
        self,
        connection: NatsConnection,
        jetstream: JetStream,
        streams: QueueStreams,
        subjects: Subjects,
    ) -> None:
        self._connection = connection
        self._jetstream = jetstream
        self._streams = streams
        self._subjects = subjects
        self._turns: defaultdict[str, _Turn] = defaultdict(_Turn)  # by queue
        self._id = uuid.uuid4().hex
        self._numbers = count()

    async def push(
        self, queue: str, payload: bytes, *, capacity: int, expiry: float, until: float
    ) -> bool:
        """Append to a queue; return once it is there. False: it is full.

        Args:
            until: when to give up, in the loop's time.

        Raises:
            NatsUnavailable: it is not known to be there.
            MessageTooLarge: the nodes take no message of this size.
        """
        turn = self._turns[queue]
        turn.users += 1
        try:
            async with turn.lock:
                return await self._store(queue, payload, capacity, expiry, until)
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[queue]

    async def put_back(self, queue: str, payload: bytes, *, expiry: float) -> bool:
        """Put before all that waits. False: that took until it expired, and it is gone."""
        if expiry <= 0:
            return False
        until = asyncio.get_running_loop().time() + min(expiry, LONGEST)
        try:
            return await self._store(queue, payload, GIVEN_BACK, expiry, until)
        except (NatsUnavailable, MessageTooLarge) as error:
            _log_lost(queue, error)
            return False
        except asyncio.CancelledError:
            _log_lost(queue, "the process has ended")
            raise

    async def _store(
        self, queue: str, payload: bytes, capacity: int, expiry: float, until: float
    ) -> bool:
        headers = {
            ID: f"{self._id}-{next(self._numbers)}",
            TTL: str(max(1, math.ceil(expiry))),
            EXPIRY: repr(float(expiry)),
        }
        subject = self._subjects.queue(queue, capacity)
        await self._streams.require(capacity, until=until)
        self._require_fitting(payload)
        while True:
            try:
                if await self._jetstream.store(subject, payload, headers, until=until):
                    return True
            except JetStreamError as error:
                if error.code in NO_MEMORY:
                    raise _explain_memory(error) from error
                if error.code != FULL:
                    raise
                if not await self._drop_expired(subject, capacity, until):
                    return False
            else:
                await asyncio.sleep(PAUSE)
                self._streams.forget(capacity)
                await self._streams.require(capacity, until=until)

    async def _drop_expired(self, subject: str, capacity: int, until: float) -> bool:
        """Make room by dropping the oldest message of a queue, if it has expired."""
        stream = self._streams.name(capacity)
        oldest = {"seq": 0, "next_by_subj": subject}
        await self._streams.set_clock(capacity, until=until)
        try:
            answer = await self._jetstream.ask(f"STREAM.MSG.GET.{stream}", oldest, until=until)
            message = answer["message"]
            if expires_at(message) > self._streams.time(capacity):
                return False
            body = {"seq": message["seq"], "no_erase": True}
            await self._jetstream.ask(f"STREAM.MSG.DELETE.{stream}", body, until=until)
        except JetStreamError:
            pass  # somebody else has taken it
        return True

    def _require_fitting(self, payload: bytes) -> None:
        most = self._connection.info.max_payload
        if len(payload) + HEADERS > most:
            raise MessageTooLarge(
                f"message of {len(payload)} bytes exceeds what NATS takes for a channel without an "
                f"exclamation mark, {most - HEADERS} bytes: send less, or raise `max_payload` in "
                f"nats-server.conf"
            )


class _Turn:
    """Whose turn it is to write to a queue."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


def expires_at(message: dict[str, Any]) -> float:
    """When a stored message expires, in its stream's time."""
    lines = base64.b64decode(message.get("hdrs", "")).decode("utf-8", "replace").split("\r\n")
    headers = read_headers(lines)
    return read_stamp(message["time"]) + read_expiry(headers)


def read_expiry(headers: Mapping[str, str]) -> float:
    """How many seconds a message may wait; for ever where a stranger has sent it, who says none."""
    try:
        return float(headers.get(EXPIRY, "inf"))
    except ValueError:
        return math.inf


def _log_lost(queue: str, reason: object) -> None:
    logger.error("a message that was given back to channel %s is lost: %s", queue, reason)


def _explain_memory(error: JetStreamError) -> NatsUnavailable:
    return NatsUnavailable(
        f"JetStream's memory is used up ({error.code})",
        "raise `max_memory_store` in `jetstream` of nats-server.conf and `max_mem` of the account, "
        "or run more workers",
        refuses=True,
    )
