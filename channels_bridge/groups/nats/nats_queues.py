"""Named queues on JetStream: channels without an exclamation mark, as of ``runworker``.

::

    push() -> queue_writer --------.
                                    >- JetStream's nodes -- queue_reader -> pull()
    route() -> bound_copies -------'    (queue_streams)
                  |
    bind() -> queue_bindings

Promises, beside those of the transport interface:

- What waits is in the memory of three nodes, or of one where there are no three. It outlives its
  sender, and one node of three; it does not outlive a single node.
- One puller gets a message, roughly the one that has waited longest. A puller that is killed in the
  millisecond in which it gets one keeps it from the others for 15 seconds.
- Expiry is exact, as far as the nodes' clocks agree.
- While a stream's leader is replaced, for five or six seconds, ``push()`` waits, up to the
  layer's timeout; ``pull()`` waits on.
- A message may be as large as the nodes' ``max_payload``. The bytes that wait are bounded by the
  capacity, and by JetStream's memory.

Nothing is asked of JetStream before the first of these calls, but for what is bound to topics.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.nats.bound_copies import BoundCopies
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.jetstream.jetstream_api import JetStream, JetStreamError
from channels_bridge.groups.nats.jetstream.shared_work import SharedWork
from channels_bridge.groups.nats.queue_bindings import Binding, Change, QueueBindings
from channels_bridge.groups.nats.queue_reader import QueueReader
from channels_bridge.groups.nats.queue_streams import QueueStreams
from channels_bridge.groups.nats.queue_writer import LONGEST, QueueWriter
from channels_bridge.groups.nats.subjects import Subjects, name_of, token

#: Seconds that ``ready()`` takes at most, and between two attempts to read all bindings.
READY_TIMEOUT = 1.0
READ_AGAIN = 1.0

#: How many queues that nobody pulls from any more are remembered.
MAX_IDLE = 1000


class NatsQueues:
    """The named queues of a project.

    Lives on one event loop.

    Args:
        get_capacity: says how many payloads may wait in a queue, by its name.
        timeout: seconds until a call but ``pull()`` gives up.
        unavailable: makes the error of a reason and an advice.
        tell: sends a change of bindings to all other processes; returns once they have given it
            to ``binding_changed()``.
    """

    def __init__(
        self,
        connection: NatsConnection,
        subjects: Subjects,
        *,
        get_capacity: Callable[[str], int],
        timeout: float,
        unavailable: Callable[[str, str], TransportUnavailable],
        tell: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._connection = connection
        self._subjects = subjects
        self._get_capacity = get_capacity
        self._timeout = timeout
        self._unavailable = unavailable
        self._jetstream = JetStream(connection)
        self._work = SharedWork()
        self._streams = QueueStreams(self._jetstream, subjects, self._work)
        self._writer = QueueWriter(connection, self._jetstream, self._streams, subjects)
        self._bindings = QueueBindings(self._jetstream, subjects, tell)
        self._copies = BoundCopies(self._get_bindings, self._push_copy)
        self._readers: dict[str, QueueReader] = {}
        self._reading: asyncio.Task[None] | None = None  # all bindings
        self._knows_bindings = asyncio.Event()
        self._has_waited = False  # for that
        self._hears_notices = False

    def connected(self) -> None:
        """There is a new connection to a node."""
        self._streams.forget_all()
        for reader in self._readers.values():
            reader.renew()
        if self._reading is not None:
            self._reading.cancel()
        self._reading = asyncio.create_task(self._read_bindings())

    async def push(self, queue: str, payload: bytes, *, capacity: int, expiry: float) -> bool:
        """Append to a queue; return once a majority of its nodes has it. False: it is full."""
        with self._explaining():
            return await self._writer.push(
                queue, payload, capacity=capacity, expiry=expiry, until=self._deadline()
            )

    async def pull(self, queue: str) -> bytes:
        """Wait for the next payload of a queue, for as long as it takes.

        Cancelling this never loses a payload.
        """
        with self._explaining():
            return await self._reader_of(queue).pull()

    def give_back(self, queue: str, payload: bytes, *, expiry: float) -> None:
        """Put what was pulled at the front again, whatever the capacity."""
        self._reader_of(queue).give_back(payload, expiry=expiry)

    async def clear_queues(self) -> None:
        """Empty all queues, and undo all bindings. Where JetStream is off there are none."""
        until = self._deadline()
        with self._explaining():
            streams = await self._find_streams(until)
            if streams is None:
                return
            for stream in streams:
                await self._jetstream.ask(f"STREAM.PURGE.{stream}", until=until)
            await self._bindings.clear(until=until)

    async def aclose(self) -> None:
        """Wait until what has come for nobody, or was given back, is in its queue.

        Copies are pushed, too. Whoever cancels this loses what is left, which is logged.
        """
        try:
            await self._push_last_copies()
            await asyncio.gather(*(reader.aclose() for reader in self._readers.values()))
        finally:
            self._copies.stop(tell=self._knows_bindings.is_set())
            self._work.stop()
            for reader in self._readers.values():
                reader.stop()
            if self._reading is not None:
                self._reading.cancel()

    async def _push_last_copies(self) -> None:
        """Wait for copies that are to be pushed; where it isn't known of what, not for long."""
        if not self._copies.is_empty:
            await self._learn_bindings()
        if self._knows_bindings.is_set():
            await self._copies.drain()

    # Queues that are bound to topics.

    async def bind(
        self, topic: str, queue: str, *, capacity: int, expiry: float, lifetime: float
    ) -> None:
        """Push what anybody publishes to a topic into a queue; return once all processes do."""
        change = Change(topic, queue, capacity, expiry, lifetime)
        with self._explaining():
            await self._bindings.bind(change, until=self._deadline())

    async def unbind(self, topic: str, queue: str) -> None:
        """Undo ``bind()``."""
        with self._explaining():
            await self._bindings.unbind(topic, queue, until=self._deadline())

    def binding_changed(self, body: bytes) -> None:
        """Take what another process tells."""
        self._bindings.take(body)

    def route(self, topic: str, payload: bytes) -> asyncio.Future[None] | None:
        """Push copies of what this process publishes into the queues bound to the topic.

        Returns:
            None where there are none; else what is done when each is there, or was refused.
        """
        if topic in self._bindings or not self._knows_bindings.is_set():
            return self._copies.add(topic, payload)
        return None

    async def settle(self, copies: asyncio.Future[None] | None) -> None:
        """Return once the copies that ``route()`` has begun are in their queues.

        Raises:
            TransportUnavailable: they aren't in time.
        """
        if copies is None:
            return
        try:
            await asyncio.wait_for(asyncio.shield(copies), self._timeout)
        except asyncio.TimeoutError:
            reason = "JetStream has not taken it for the channels without an exclamation mark"
            raise self._unavailable(reason, "look at the logs of its nodes") from None

    async def ready(self) -> None:
        """Wait until it is known what is bound, once, and for a second at most."""
        if not self._has_waited and self._connection.connected:
            self._has_waited = True
            await self._learn_bindings()

    async def _learn_bindings(self) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._knows_bindings.wait(), READY_TIMEOUT)

    async def _get_bindings(self, topic: str) -> dict[str, Binding]:
        await self._knows_bindings.wait()
        return self._bindings.of(topic)

    async def _push_copy(
        self, queue: str, payload: bytes, binding: Binding, published: float
    ) -> None:
        """Push a copy, for as long as it may wait to be pulled, too."""
        now = asyncio.get_running_loop().time()
        left = published + binding.expiry - now
        if left > 0:
            await self._writer.push(
                queue,
                payload,
                capacity=binding.capacity,
                expiry=left,
                until=now + min(left, LONGEST),
            )

    async def _read_bindings(self) -> None:
        while self._may_have_jetstream:
            try:
                await self._bindings.read()
                break
            except NatsUnavailable as error:
                if error.refuses:
                    break
                await asyncio.sleep(READ_AGAIN)
        self._knows_bindings.set()

    @property
    def _may_have_jetstream(self) -> bool:
        """Whether it may be there; another node of a cluster may have it."""
        info = self._connection.info
        return info.jetstream or bool(info.cluster)

    async def _find_streams(self, until: float) -> list[str] | None:
        """All that there are; None where JetStream is off, or not for this user."""
        try:
            return await self._streams.find_all(until=until)
        except JetStreamError:
            raise
        except NatsUnavailable as error:
            if error.refuses:
                return None
            raise

    def _reader_of(self, queue: str) -> QueueReader:
        self._hear_notices()
        reader = self._readers.get(queue)
        if reader is None:
            self._forget_idle_readers()
            reader = self._readers[queue] = QueueReader(
                queue,
                self._get_capacity(queue),
                connection=self._connection,
                jetstream=self._jetstream,
                streams=self._streams,
                writer=self._writer,
                work=self._work,
                announce=self._announce,
            )
        return reader

    def _forget_idle_readers(self) -> None:
        if len(self._readers) < MAX_IDLE:
            return
        for queue in [queue for queue, reader in self._readers.items() if reader.is_idle]:
            del self._readers[queue]

    def _hear_notices(self) -> None:
        if not self._hears_notices:
            self._hears_notices = True
            self._connection.subscribe(self._subjects.given_back, self._noticed)

    def _announce(self, queue: str) -> None:
        """Tell all who pull from a queue that something was given back to it."""
        self._connection.publish(self._subjects.given_back, token(queue).encode())

    def _noticed(self, payload: bytes, reply: bytes) -> None:
        reader = self._readers.get(name_of(payload.decode("ascii", "replace")))
        if reader is not None:
            reader.notice()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except NatsUnavailable as error:
            raise self._unavailable(error.reason, error.advice) from error
