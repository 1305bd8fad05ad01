"""JetStream's requests, each repeated until its nodes answer.

JetStream is the part of a node that keeps messages. It is asked by requests in JSON. While its
nodes choose a leader, which takes some seconds after one has died, some of these are lost, and some
are answered by "not now". So only what may be done twice is asked for here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import NO_RESPONDERS, Reply

API = "$JS.API."

#: Seconds to wait for one answer. One that comes later is nobody's.
PATIENCE = 1.0

#: Seconds between two attempts where the first was answered by "not now".
PAUSE = 0.1

#: What JetStream says while it has no leader, a stream is elsewhere, or it is about to have stored
#: the same message.
NOT_NOW = frozenset({10007, 10008, 10009, 10041, 10118, 10119, 10158, 10194, 10195, 10202})

#: What it says where it is off: for this server, for this account.
OFF = frozenset({10035, 10039, 10076})

HOW_TO_ENABLE = (
    "write `jetstream {}` into nats-server.conf, and `jetstream: enabled` into the account where "
    "there are accounts: channels without an exclamation mark are kept there"
)


class JetStreamError(NatsUnavailable):
    """JetStream refuses a request.

    Attributes:
        code: its number for what is wrong.
        may_be_done: whether an earlier attempt that was not answered may have been carried out.
    """

    def __init__(self, code: int, description: str, *, may_be_done: bool) -> None:
        self.code = code
        self.may_be_done = may_be_done
        super().__init__(f"JetStream refuses: {description} ({code})", refuses=True)


class JetStream:
    """What keeps messages, behind a connection."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection

    async def ask(
        self, action: str, body: Mapping[str, Any] | None = None, *, until: float
    ) -> dict[str, Any]:
        """Ask the API, such as for ``STREAM.INFO.orders``.

        Args:
            body: what the action takes.
            until: when to give up, in the loop's time.

        Raises:
            JetStreamError: it refuses.
            NatsUnavailable: no answer in time; with ``refuses`` where JetStream is off.
        """
        payload = b"" if body is None else json.dumps(body).encode()
        answer = await self._repeat(f"{API}{action}", payload, None, until)
        if answer is None:
            raise NatsUnavailable("JetStream is off", HOW_TO_ENABLE, refuses=True)
        return answer

    async def store(
        self, subject: str, payload: bytes, headers: Mapping[str, str], *, until: float
    ) -> bool:
        """Publish to the stream that has ``subject``; return once it is stored.

        Args:
            headers: with a ``Nats-Msg-Id``, so that it is stored once.
            until: when to give up, in the loop's time.

        Returns:
            False if no stream has the subject.

        Raises:
            JetStreamError: it refuses.
            NatsUnavailable: no answer in time.
        """
        return await self._repeat(subject, payload, headers, until) is not None

    async def _repeat(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None, until: float
    ) -> dict[str, Any] | None:
        """The first answer that isn't "not now"; None if nobody listens to the subject."""
        may_be_done = False
        while True:
            reply = await self._attempt(subject, payload, headers, until)
            if reply is None:
                may_be_done = True
            elif reply.status == NO_RESPONDERS:
                if headers is not None or not self._connection.info.jetstream:
                    return None
            else:
                answer = _read(reply)
                if (error := answer.get("error")) is None:
                    return answer
                _raise_unless_passing(error, may_be_done)
            await asyncio.sleep(PAUSE)

    async def _attempt(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None, until: float
    ) -> Reply | None:
        """The reply, or None if there is none so far.

        Raises:
            NatsUnavailable: the time is up, or waiting is of no use.
        """
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            raise self._explain_silence()
        try:
            return await self._connection.request(
                subject, payload, headers=headers, timeout=min(left, PATIENCE)
            )
        except NatsUnavailable as error:
            if error.refuses:
                raise
            return None

    def _explain_silence(self) -> NatsUnavailable:
        if self._connection.trouble is not None:
            return NatsUnavailable(self._connection.trouble)
        return NatsUnavailable(
            "JetStream has no leader", "start its nodes: more than half of them must run"
        )


def _read(reply: Reply) -> dict[str, Any]:
    try:
        answer = json.loads(reply.payload)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise NatsUnavailable(f"JetStream answers {reply.payload[:100]!r}")
    return answer


def _raise_unless_passing(error: Mapping[str, Any], may_be_done: bool) -> None:
    code = error.get("err_code", 0)
    if code in OFF:
        raise NatsUnavailable(
            f"JetStream is off: {error.get('description')}", HOW_TO_ENABLE, refuses=True
        )
    if code not in NOT_NOW:
        raise JetStreamError(code, str(error.get("description")), may_be_done=may_be_done)
