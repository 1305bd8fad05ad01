"""One request for the next message of a queue, and what may become of it.

A request can't be taken back: once asked, JetStream sends the next message to it until its time is
over. So whoever doesn't want it any more leaves it to the next who waits in this process, and what
comes while nobody waits is given back to the front.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import NamedTuple

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_headers import Reply
from channels_bridge.groups.nats.jetstream.jetstream_api import API

#: Seconds that a node's "there is nothing" may take on its way.
SLACK = 1.0

#: The status by which a node says that no message has come in time.
NO_MESSAGE = 408


class Delivery(NamedTuple):
    """A message that JetStream has handed to this process.

    Attributes:
        reply: it, and the subject on which it can be given back.
        capacity: of the stream that it is from.
        sequence: its number there.
        stored: when it was stored, in the stream's time: seconds since 1970.
        asked: when it was asked for, in the loop's time.
    """

    reply: Reply
    capacity: int
    sequence: int
    stored: float
    asked: float


class PullRequest:
    """A request, answered once: by a message, or by a status.

    Attributes:
        capacity: of the stream that it asks.
        asked: when, in the loop's time.
        is_over: whether nothing more comes.
        is_stale: whether its node may have forgotten it, so that nobody should wait for it.

    Args:
        action: of JetStream's API.
        seconds: how long to wait for a message.
        on_unwanted: called with it, and the reply that nobody waited for.
    """

    def __init__(
        self,
        connection: NatsConnection,
        action: str,
        capacity: int,
        seconds: float,
        on_unwanted: Callable[[PullRequest, Reply], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.asked = loop.time()
        self.capacity = capacity
        self.is_over = False
        self.is_stale = False
        self._answer: asyncio.Future[Reply] | None = None  # while somebody waits
        self._on_unwanted = on_unwanted
        body = json.dumps({"batch": 1, "expires": int(seconds * 1e9)}).encode()
        self._cancel = connection.request_many(API + action, body, self._received, own_subject=True)
        self._timer = loop.call_later(seconds + SLACK, self.end)

    def adopt(self) -> asyncio.Future[Reply]:
        """Wait for its answer, until ``take()`` or ``leave()``."""
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    def leave(self) -> None:
        """Wait no longer. A message that has come meanwhile is not wanted."""
        answer, self._answer = self._answer, None
        if answer is not None and answer.done() and not answer.cancelled():
            self._on_unwanted(self, answer.result())

    def take(self) -> None:
        """Wait no longer: the answer has been seen."""
        self._answer = None

    def interrupt(self) -> None:
        """Tell who waits that there is nothing so far. It stays open for the next one."""
        self._resolve(Reply(b"", NO_MESSAGE))

    def end(self) -> None:
        """Expect nothing any more, and tell who waits that there is nothing."""
        if not self.is_over:
            self._received(Reply(b"", NO_MESSAGE))

    def _received(self, reply: Reply) -> None:
        self._close()
        if not self._resolve(reply):
            self._on_unwanted(self, reply)

    def _close(self) -> None:
        self.is_over = True
        self._cancel()
        self._timer.cancel()

    def _resolve(self, reply: Reply) -> bool:
        """Answer who waits; False if nobody does."""
        if self._answer is None or self._answer.done():
            return False
        self._answer.set_result(reply)
        return True


def read_delivery(reply: Reply, capacity: int, asked: float) -> Delivery | None:
    """The message in a reply; None if it is a status.

    Its number and time are in the subject for its acknowledgement, which has two more tokens
    before them, a domain and an account, in nodes that are configured so.
    """
    tokens = reply.reply.split(".")
    if len(tokens) < 9 or tokens[:2] != ["$JS", "ACK"]:
        return None
    shift = 0 if len(tokens) == 9 else 2
    sequence, stored = int(tokens[5 + shift]), int(tokens[7 + shift]) / 1e9
    return Delivery(reply, capacity, sequence, stored, asked)
