"""The transport over gRPC: turns what a layer asks for into requests to the hub."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.other_hubs import explain_absence
from channels_bridge.groups.grpc.process.client import Client, Request
from channels_bridge.groups.grpc.process.hub_advice import FIND_STUCK, START_HUB, what_to_do
from channels_bridge.groups.grpc.process.link import Link
from channels_bridge.groups.grpc.stream import REFUSED, HubStream, Stream
from channels_bridge.groups.layer_statistics import LinkStatistics
from channels_bridge.groups.transport_interface import Deliver, GroupTransport
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

logger = logging.getLogger("channels_bridge.groups")

#: How long aclose() waits for what is queued to arrive, in seconds.
CLOSE_TIMEOUT = 5


class GrpcTransport(GroupTransport):
    """Joins the processes of a machine, or of a few, over a hub.

    Args:
        address: where the hub listens: ``unix:/path`` or ``host:port``.
        credentials: for TCP.
        timeout: how many seconds to wait for it before raising TransportUnavailable.
        prefix: keeps apart what has another one, or none, at the same hub.
        require_hub: whether that is raised where there is none, too. Otherwise this process is
            alone there, but for what somebody would have to keep or to take, until a hub appears.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials = NONE,
        *,
        timeout: float,
        prefix: str = "",
        require_hub: bool = True,
    ) -> None:
        self._address = Address.parse(address)
        self._credentials = credentials
        self._timeout = timeout
        self._prefix = f"{prefix}/" if prefix else ""
        self._require_hub = require_hub
        self._link: Link | None = None
        self._sent_alone = 0
        # Those who wait until there is room to publish, in order.
        self._waiting: deque[asyncio.Future[None]] = deque()
        # Done when everything has been answered; made when somebody waits for that.
        self._emptied: asyncio.Future[None] | None = None

    def start(self, deliver: Deliver) -> None:
        self._client = self._make_client(deliver)
        self._client.on_answers = self._make_room
        self._link = Link(
            self._client,
            self._address,
            self._open_stream,
            patience=None if self._require_hub else self._timeout,
            on_absent=self._note_absence,
        )

    def _make_client(self, deliver: Deliver) -> Client:
        return Client(deliver, self._prefix)

    @property
    def is_alone(self) -> bool:
        return self._link is not None and self._link.is_alone

    def subscribe_nowait(self, topic: str) -> None:
        self._client.subscribe(topic)

    async def subscribe(self, topic: str) -> None:
        self._require_reach()
        request = self._client.subscribe(topic)
        if not request.is_done and not self.is_alone:
            await self._answer(request)

    def unsubscribe(self, topic: str) -> None:
        self._client.unsubscribe(topic)

    async def publish(self, topic: str, payload: bytes) -> None:
        if topic in self._client.unheard:
            return
        if not self.is_alone:
            await self._room()  # flow control: a slow hub or receiver slows its senders down
        self.publish_nowait(topic, payload)

    def publish_nowait(self, topic: str, payload: bytes) -> None:
        if self.is_alone:
            self._sent_alone += 1
        elif topic not in self._client.unheard:
            self._client.request(wire.Publish(topic=topic, payload=payload))

    async def publish_confirmed(self, topic: str, payload: bytes) -> None:
        # The hub keeps nothing of its own: what survives this process is what has arrived.
        await self._arrive(topic, payload, required=False)

    async def publish_all_confirmed(self, topics: Sequence[str], payload: bytes) -> None:
        requests: list[Request] = []
        try:
            for topic in topics:
                if topic in self._client.unheard:
                    continue
                if not self.is_alone:
                    await self._room()
                if self.is_alone:
                    self._sent_alone += 1
                else:
                    publish = wire.Publish(topic=topic, payload=payload, confirm=True)
                    requests.append(self._client.request(publish))
            await self._answers(requests)
        finally:
            self._abandon(requests)

    async def tell(self, topic: str, payload: bytes) -> bool:
        return await self._arrive(topic, payload, required=True)

    async def ask(self, topic: str, payload: bytes, *, required: bool = True) -> None:
        await self._arrive(topic, payload, required=required)

    async def _arrive(self, topic: str, payload: bytes, *, required: bool) -> bool:
        """Publish, and wait until all have handled it. False when a receiver had no room."""
        if topic in self._client.unheard:
            return True
        if not self.is_alone:
            await self._room()
        if self.is_alone:
            if required:
                raise self._unavailable()
            self._sent_alone += 1
            return True
        publish = wire.Publish(topic=topic, payload=payload, confirm=True)
        return await self._done(self._client.request(publish, required=required))

    async def push(self, queue: str, payload: bytes, *, capacity: int, expiry: float) -> bool:
        await self._room()
        push = wire.Push(queue=queue, payload=payload, capacity=capacity, expiry=expiry)
        return await self._done(self._client.request(push, required=True))

    async def pull(self, queue: str) -> bytes:
        pull = self._client.pull(queue)
        try:
            payload = await pull.item
        except asyncio.CancelledError:
            self._client.withdraw(pull)
            raise
        self._client.took(pull)
        return payload

    def give_back(self, queue: str, payload: bytes, *, expiry: float) -> None:
        push = wire.Push(queue=queue, payload=payload, expiry=expiry, front=True)
        self._client.request(push, required=True)

    async def bind(
        self, topic: str, queue: str, *, capacity: int, expiry: float, lifetime: float
    ) -> None:
        bind = wire.Bind(
            topic=topic, queue=queue, capacity=capacity, expiry=expiry, lifetime=lifetime
        )
        await self._done(self._client.request(bind, required=True))
        self._client.bindings[topic, queue] = bind

    async def unbind(self, topic: str, queue: str) -> None:
        self._client.bindings.pop((topic, queue), None)
        if not self.is_alone:
            await self._done(self._client.request(wire.Unbind(topic=topic, queue=queue)))

    async def clear_queues(self) -> None:
        self._client.bindings.clear()
        if not self.is_alone:
            await self._done(self._client.request(wire.Clear()))

    @property
    def is_full(self) -> bool:
        return bool(self._waiting) or self._client.is_full

    def statistics(self) -> LinkStatistics:
        statistics = replace(self._client.statistics(), sent_alone=self._sent_alone)
        # Subscriptions then wait for nobody.
        return replace(statistics, alone=True, lag=0) if self.is_alone else statistics

    async def aclose(self) -> None:
        if not self._client.is_idle:
            self._emptied = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._emptied], timeout=CLOSE_TIMEOUT)
        if not self._client.is_idle:
            logger.error("%s: what was sent last may be lost", self._unavailable())
        if self._link is not None:
            await self._link.aclose()

    # Without a hub.

    def _note_absence(self) -> None:
        assert self._link is not None
        error = self._unavailable()
        if self._link.is_elsewhere:
            self._client.fail_all(error)
            self._make_room(len(self._waiting))
            return
        found = explain_absence(self._address)
        logger.warning(
            "there is no groups hub at %s%s: what this process sends to groups reaches only its "
            "own members%s, until there is one: %s",
            self._address,
            f" ({found.reason})" if found.reason else "",
            self._exception_alone(),
            found.advice or "start `manage.py websockets_server` or `websockets_hub`",
        )
        self._sent_alone += self._client.settle_alone(error)
        self._make_room(len(self._waiting))

    def _exception_alone(self) -> str:
        """Say what isn't sent to nobody, for a sentence that says that all is."""
        return ""

    def _require_reach(self) -> None:
        if self._link is not None and self._link.is_elsewhere:
            raise self._unavailable()

    # Waiting.

    async def _answer(self, request: Request) -> bool:
        """Wait until ``request`` is answered; it goes on when that takes too long."""
        return all(await self._answers([request]))

    async def _answers(self, requests: Sequence[Request]) -> list[bool]:
        """Wait until all of them are answered; they go on when that takes too long."""
        self._require_reach()
        answers = [request.answer for request in requests]
        if answers:
            await asyncio.wait(answers, timeout=self._timeout)
        if not all(answer.done() for answer in answers):
            raise self._unavailable()
        return [answer.result() for answer in answers]

    async def _done(self, request: Request) -> bool:
        """Wait until ``request`` is answered; it is abandoned when that takes too long."""
        try:
            return await self._answer(request)
        finally:
            self._abandon([request])

    def _abandon(self, requests: Sequence[Request]) -> None:
        """Wait for these no longer; there is room in the place of those that weren't answered."""
        unanswered = sum(not request.is_done for request in requests)
        for request in requests:
            self._client.abandon(request)
        self._make_room(unanswered)

    async def _room(self) -> None:
        """Wait until more can be published."""
        if not self.is_full:
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait([turn], timeout=self._timeout)
            if not turn.done():
                raise self._unavailable()
        except BaseException:
            self._give_up(turn)
            raise
        if self._client.is_idle:
            # This one may have nothing to send any more, and no answer comes to let others go on.
            self._make_room(1)

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """Don't wait for a turn any more; let another one have it if it was there already."""
        if turn.done():
            self._make_room(1)
        else:
            self._waiting.remove(turn)

    def _make_room(self, count: int) -> None:
        """Let as many go on as requests were answered."""
        # As many as were answered, and not all who wait: they would make it full again at once.
        while count and self._waiting and not self._client.is_full:
            count -= 1
            self._waiting.popleft().set_result(None)
        if self._emptied is not None and not self._emptied.done() and self._client.is_idle:
            self._emptied.set_result(None)

    async def _open_stream(self) -> Stream:
        return await HubStream.open(self._address, self._credentials)

    def _unavailable(self) -> TransportUnavailable:
        return TransportUnavailable(str(self._address), *self._diagnose())

    def _diagnose(self) -> tuple[str, str]:
        """Say why there is no answer, and what to do."""
        link = self._client.statistics()
        if link.connected:
            waiting = f"unanswered: {link.unacknowledged}, the oldest for {link.lag:.1f} seconds"
            return f"it is connected; {waiting}", FIND_STUCK
        if self._client.refusal is not None:
            return self._client.refusal, ""
        trouble = self._link.trouble if self._link is not None else None
        if trouble == REFUSED:
            return REFUSED, ""
        trouble = self._address.find_trouble() or trouble
        trouble = trouble or f"it didn't answer within {self._timeout:g} seconds"
        if self.is_alone:
            trouble = f"no hub runs there: {trouble}"
        absence = explain_absence(self._address)
        if absence.reason:
            return f"{trouble}; {absence.reason}", absence.advice
        if self._link is not None and self._link.is_elsewhere:
            return f"{trouble}; members in other processes wait for a hub", START_HUB
        return trouble, what_to_do(self._address)
