"""Taking messages out of one named queue.

::

    pull() -> ask for the next message -> it is handed to this process, and to no other for 15 s
           -> delete it from its stream: who succeeds has taken it -> its payload

Deleting decides who gets a message: JetStream does it once, however often the message was handed
out, and whatever became of its acknowledgements. So no message is taken twice, by a process that
was stopped for a minute either. A message that was handed to a process that then died is handed to
another one after ``ACK_WAIT``.

What this leaves: a deletion of which nothing is heard for ``ACK_WAIT`` may have been carried out.
The message is not handed out then, and may be lost; that is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import NO_RESPONDERS, Reply
from channels_bridge.groups.nats.jetstream.jetstream_api import (
    PATIENCE,
    PAUSE,
    JetStream,
    JetStreamError,
)
from channels_bridge.groups.nats.jetstream.jetstream_streams import NO_STREAM
from channels_bridge.groups.nats.jetstream.pull_request import (
    NO_MESSAGE,
    SLACK,
    Delivery,
    PullRequest,
    read_delivery,
)
from channels_bridge.groups.nats.jetstream.shared_work import SharedWork
from channels_bridge.groups.nats.queue_streams import (
    ACK_WAIT,
    ASK_FOR,
    GIVEN_BACK,
    QueueStreams,
)
from channels_bridge.groups.nats.queue_writer import QueueWriter, read_expiry

logger = logging.getLogger("channels_bridge.groups")

#: Seconds between two looks whether something waits for a queue where it is not expected.
LOOK_EVERY = 5.0

#: Seconds to wait for a message where one is expected to be.
GLANCE = 0.1

#: Seconds between two attempts while JetStream has no leader, at most.
LONGEST_PAUSE = 1.0

#: Statuses by which a node says that it has no message.
NOTHING = frozenset({404, NO_MESSAGE})


class QueueReader:
    """One named queue, as this process reads it.

    Lives on one event loop.

    Args:
        name: the queue's.
        capacity: that of the stream it is usually in.
        work: does what several who pull wait for.
        announce: tells other processes that something was given back to a queue.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        *,
        connection: NatsConnection,
        jetstream: JetStream,
        streams: QueueStreams,
        writer: QueueWriter,
        work: SharedWork,
        announce: Callable[[str], None],
    ) -> None:
        self._name = name
        self._capacity = capacity
        self._connection = connection
        self._jetstream = jetstream
        self._streams = streams
        self._writer = writer
        self._work = work
        self._announce = announce
        self._left: dict[PullRequest, None] = {}  # requests that nobody waits for, the oldest first
        self._waiting: set[PullRequest] = set()  # those that somebody waits for
        self._elsewhere: list[int] = []  # capacities of other streams that hold something
        self._looked = float("-inf")
        self._settling: set[asyncio.Task[None]] = set()  # what goes back to its queue

    @property
    def is_idle(self) -> bool:
        """Whether nothing of the queue is under way here."""
        return not (self._left or self._waiting or self._settling)

    async def pull(self) -> bytes:
        """Wait for the next payload, for as long as it takes. Cancelling this loses none.

        Raises:
            NatsUnavailable: JetStream is off, or refuses.
        """
        pause = PAUSE
        while True:
            try:
                payload = await self._try_to_pull()
            except NatsUnavailable as error:
                if error.refuses:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = PAUSE
                if payload is not None:
                    return payload

    def give_back(self, payload: bytes, *, expiry: float) -> None:
        """Put what was pulled before all that waits."""
        self._settle(self._put_back(payload, expiry))
        self.notice()

    def notice(self) -> None:
        """Something was given back to the queue, here or elsewhere: look there first."""
        if GIVEN_BACK not in self._elsewhere:
            self._elsewhere.insert(0, GIVEN_BACK)
        for request in self._waiting:
            if request.capacity == self._capacity:
                request.interrupt()

    def renew(self) -> None:
        """Ask anew, as there is a new connection: what was asked over the last may be forgotten.

        Or it may not be, so that something still comes.
        """
        self._looked = float("-inf")
        for request in self._left:
            request.is_stale = True
        for request in self._waiting:
            request.is_stale = True
            request.interrupt()

    async def aclose(self) -> None:
        """Ask for nothing any more, and wait until what has come is back in its queue."""
        for request in list(self._left):
            request.end()
        while self._settling:
            await asyncio.wait(list(self._settling))

    def stop(self) -> None:
        """Wait no longer for what goes back."""
        for task in self._settling:
            task.cancel()

    async def _try_to_pull(self) -> bytes | None:
        """Wait some seconds for the next payload."""
        if self._settling:
            await asyncio.wait(list(self._settling))
        found = await self._next_from_elsewhere() or await self._next(self._capacity, ASK_FOR)
        return None if found is None else await self._take(found)

    async def _next_from_elsewhere(self) -> Delivery | None:
        """The next message where others than those that are usual here put them."""
        await self._look()
        while self._elsewhere:
            capacity = self._elsewhere[0]
            delivery = await self._next(capacity, GLANCE)
            if delivery is not None or self._settling:
                return delivery
            self._forget_elsewhere(capacity)
        return None

    def _forget_elsewhere(self, capacity: int) -> None:
        if capacity in self._elsewhere:
            self._elsewhere.remove(capacity)

    async def _look(self) -> None:
        """Find out, now and then, where else something waits."""
        if asyncio.get_running_loop().time() - self._looked >= LOOK_EVERY:
            await self._work.run(("look", self._name), self._look_now)

    async def _look_now(self) -> None:
        now = asyncio.get_running_loop().time()
        await self._streams.set_clock(self._capacity, until=now + ACK_WAIT)
        found = await self._streams.find_others(self._capacity, self._name, until=now + ACK_WAIT)
        self._elsewhere = sorted({*self._elsewhere, *found})
        self._looked = now

    async def _next(self, capacity: int, seconds: float) -> Delivery | None:
        """The next message of a stream.

        None if there is none in time, something was noticed, or something goes back to the queue.
        """
        request = await self._request(capacity, seconds)
        if request is None:
            return None
        answer = request.adopt()
        self._waiting.add(request)
        try:
            reply = await answer
            request.take()
        except asyncio.CancelledError:
            request.leave()
            raise
        finally:
            self._waiting.discard(request)
            if not request.is_over:
                self._left[request] = None
        return self._read(request, reply)

    async def _request(self, capacity: int, seconds: float) -> PullRequest | None:
        """One that was left, or a new one; None while what goes back would come behind what waits.

        It may have begun to go back since ``_try_to_pull()`` looked.
        """
        action = await self._streams.require_consumer(
            capacity, self._name, until=asyncio.get_running_loop().time() + ACK_WAIT
        )
        for request in self._left:
            if request.capacity == capacity and not request.is_stale:
                del self._left[request]
                return request
        if self._settling:
            return None
        return PullRequest(self._connection, action, capacity, seconds, self._refuse)

    def _read(self, request: PullRequest, reply: Reply) -> Delivery | None:
        delivery = read_delivery(reply, request.capacity, request.asked)
        if delivery is not None or reply.status in NOTHING:
            return delivery
        if reply.status == NO_RESPONDERS:
            self._streams.forget(request.capacity)
        raise NatsUnavailable(f"JetStream has no message now: {reply.description}")

    async def _take(self, delivery: Delivery) -> bytes | None:
        """The payload, if it is this process that gets it, and in time."""
        taking = asyncio.create_task(self._delete(delivery))
        try:
            taken = await asyncio.shield(taking)
        except asyncio.CancelledError:
            self._settle(self._return(taking, delivery))
            raise
        return delivery.reply.payload if taken and self._left_of(delivery) > 0 else None

    async def _delete(self, delivery: Delivery) -> bool:
        """Delete a message from its stream; whether it was this process that did."""
        until = delivery.asked + ACK_WAIT
        if asyncio.get_running_loop().time() > until - SLACK:
            return False  # this process was stopped, and another one gets it
        stream = self._streams.name(delivery.capacity)
        body = {"seq": delivery.sequence, "no_erase": True}
        try:
            await self._jetstream.ask(f"STREAM.MSG.DELETE.{stream}", body, until=until)
        except JetStreamError as error:
            # Nobody else gets it until then. A stream that is gone has ended with its node.
            return error.may_be_done or error.code == NO_STREAM
        except NatsUnavailable as error:
            logger.error(
                "a message of channel %s may be lost: NATS did not say in time whether this "
                "process has it (%s)",
                self._name,
                error,
            )
            return False
        return True

    async def _return(self, taking: asyncio.Task[bool], delivery: Delivery) -> None:
        """Give back what was taken for somebody who waits no longer."""
        if await taking:
            await self._put_back(delivery.reply.payload, self._left_of(delivery))

    async def _put_back(self, payload: bytes, expiry: float) -> None:
        if await self._writer.put_back(self._name, payload, expiry=expiry):
            self.notice()
            self._announce(self._name)

    def _left_of(self, delivery: Delivery) -> float:
        """The seconds until a message expires."""
        expires = delivery.stored + read_expiry(delivery.reply.headers)
        return expires - self._streams.time(delivery.capacity)

    def _refuse(self, request: PullRequest, reply: Reply) -> None:
        """Let a message that nobody waits for be the next one again."""
        self._left.pop(request, None)
        if reply.reply:
            self._settle(self._refuse_confirmed(reply.reply))
        elif reply.status in NOTHING:
            self._forget_elsewhere(request.capacity)

    async def _refuse_confirmed(self, subject: str) -> None:
        with contextlib.suppress(NatsUnavailable):  # then it comes back after ACK_WAIT
            await self._connection.request(subject, b"-NAK", timeout=PATIENCE)

    def _settle(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
