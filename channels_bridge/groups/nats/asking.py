"""Asking: sending a payload, and waiting until those who listen have handled it.

Who hasn't answered is looked after: a process that has unsubscribed meanwhile isn't waited for, nor
is one that has ended. One that isn't connected may be on its way from one node to another, so it is
missed for some seconds first. One that is connected has subscribed to all else before that by which
it is found to be so (``Subscriptions.encode_all()``): what it doesn't listen to a second later it
has left.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import cast

import msgpack

from channels_bridge.groups.nats.acknowledgements import Acknowledgements, Question
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.listeners import Listeners
from channels_bridge.groups.nats.subjects import Subjects

logger = logging.getLogger("channels_bridge.groups")

#: Seconds after which those who haven't answered are looked after, and again after as many.
LOOK = 1.0

#: Seconds that nodes always have to say who listens.
LAST_LOOK = 0.5

#: How often in a row a process isn't there until it is no longer waited for.
ABSENCES = 3

#: Publishes a payload; with a question, one that wants to be acknowledged.
Send = Callable[[str, bytes, "Question | None"], None]


def read_announcement(payload: bytes, identity: bytes) -> bytes | None:
    """Return what was announced; None where a process is not among those to whom it was.

    What can't be read, as it is of another release, is logged.
    """
    try:
        addressees, announced = msgpack.unpackb(payload)
        return cast("bytes", announced) if identity in addressees else None
    except (ValueError, TypeError):
        logger.error("an announcement can't be read: %r", payload[:200])
        return None


class Asker:
    """Asks other processes.

    Args:
        listeners: finds them.
        acknowledgements: theirs.
        send: publishes.
        timeout: how many seconds they have.
    """

    def __init__(
        self,
        *,
        subjects: Subjects,
        listeners: Listeners,
        acknowledgements: Acknowledgements,
        send: Send,
        timeout: float,
    ) -> None:
        self._subjects = subjects
        self._listeners = listeners
        self._acknowledgements = acknowledgements
        self._send = send
        self._timeout = timeout

    async def tell(self, topic: str, payload: bytes) -> bool:
        """Return whether the one process that listens had room; True where there is none.

        Raises:
            NatsUnavailable: there is one, but it hasn't answered in time; or no node has.
        """
        deadline = time.monotonic() + self._timeout
        with self._acknowledgements.asking() as question:
            self._send(topic, payload, question)
            # Whoever it is: that one answers is enough.
            expected: dict[bytes, str] = {}
            for _ in range(ABSENCES):
                patience = min(LOOK, deadline - time.monotonic())
                if await question.changes_within(patience) and question.answered:
                    return question.has_room
                expected = await self._find(topic, deadline)
                if expected or question.is_unheard:
                    break
            await self._wait(question, topic, expected, deadline)
            return question.has_room

    async def ask(self, topic: str, payload: bytes) -> None:
        """Return once all who listen have handled it.

        Raises:
            NatsUnavailable: some haven't in time, or no node has answered.
        """
        deadline = time.monotonic() + self._timeout
        expected = await self._find(topic, deadline)
        if expected:
            await self._ask(topic, payload, expected, deadline)
        else:
            self._send(topic, payload, None)

    async def announce(self, topic: str, payload: bytes) -> None:
        """Return once all who listen now have handled it; nobody who begins to later does.

        It is sent with its addressees, see ``read_announcement()``: a topic may bring what was sent
        a moment before it was subscribed.

        Raises:
            NatsUnavailable: as above.
        """
        deadline = time.monotonic() + self._timeout
        expected = await self._find(topic, deadline)
        if expected:
            await self._ask(topic, msgpack.packb([list(expected), payload]), expected, deadline)

    async def _ask(
        self, topic: str, payload: bytes, expected: dict[bytes, str], deadline: float
    ) -> None:
        with self._acknowledgements.asking() as question:
            self._send(topic, payload, question)
            await self._wait(question, topic, expected, deadline)

    async def _find(self, topic: str, deadline: float) -> dict[bytes, str]:
        return await self._listeners_to(self._subjects.topic(topic), deadline)

    async def _wait(
        self, question: Question, topic: str, expected: dict[bytes, str], deadline: float
    ) -> None:
        """Wait until all who are expected have answered; who isn't there any more is struck off."""
        absences: Counter[bytes] = Counter()
        connected: set[bytes] = set()  # those who are absent though
        while pending := expected.keys() - question.answered:
            patience = min(LOOK, deadline - time.monotonic())
            if await question.changes_within(patience):
                continue
            if time.monotonic() >= deadline:
                silent = ", ".join(sorted(expected[identity] for identity in pending))
                raise NatsUnavailable(
                    f"{silent} has not handled it within {self._timeout:g} seconds",
                    "look at what these processes do, and whether they are stuck",
                )
            absent = pending - (await self._find(topic, deadline)).keys()
            absences = Counter({identity: absences[identity] + 1 for identity in absent})
            for identity in absent:
                if identity in connected or absences[identity] >= ABSENCES:
                    del expected[identity]
                elif await self._is_connected(identity, deadline):
                    connected.add(identity)
            connected &= absent

    async def _is_connected(self, identity: bytes, deadline: float) -> bool:
        """Whether a process that doesn't listen to a topic is there at all."""
        return bool(await self._listeners_to(self._subjects.control_of(identity), deadline))

    async def _listeners_to(self, subject: str, deadline: float) -> dict[bytes, str]:
        # When time is up, it is still to be said who has not answered.
        return await self._listeners.find(subject, max(deadline - time.monotonic(), LAST_LOOK))
