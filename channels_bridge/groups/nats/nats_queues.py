"""Named queues on JetStream: channels without an exclamation mark, as of ``runworker``.

::

    push() -> queue_writer ----.                     .---- queue_reader -> pull()
                                >-- JetStream's nodes
    bind(), route() -> bindings '   (queue_streams)

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

Nothing is asked of JetStream before the first of these calls, but for what is bound.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.jetstream.jetstream_api import JetStream
from channels_bridge.groups.nats.jetstream.shared_work import SharedWork
from channels_bridge.groups.nats.queue_reader import QueueReader
from channels_bridge.groups.nats.queue_streams import QueueStreams
from channels_bridge.groups.nats.queue_writer import QueueWriter
from channels_bridge.groups.nats.subjects import Subjects, name_of, token

#: How many queues that nobody pulls from any more are remembered.
MAX_IDLE = 1000


class NatsQueues:
    """The named queues of a project.

    Lives on one event loop.

    Args:
        get_capacity: says how many payloads may wait in a queue, by its name.
        timeout: seconds until a call but ``pull()`` gives up.
        unavailable: makes the error of a reason and an advice.
    """

    def __init__(
        self,
        connection: NatsConnection,
        subjects: Subjects,
        *,
        get_capacity: Callable[[str], int],
        timeout: float,
        unavailable: Callable[[str, str], TransportUnavailable],
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
        self._readers: dict[str, QueueReader] = {}
        self._hears_notices = False

    def connected(self) -> None:
        """There is a new connection to a node."""
        self._streams.forget_all()
        for reader in self._readers.values():
            reader.renew()

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
        """Empty all queues. Where JetStream is off there are none."""
        until = self._deadline()
        with self._explaining():
            for stream in await self._find_streams(until):
                await self._jetstream.ask(f"STREAM.PURGE.{stream}", until=until)

    async def aclose(self) -> None:
        """Wait until what has come for nobody, or was given back, is in its queue."""
        await asyncio.gather(*(reader.aclose() for reader in self._readers.values()))
        await self._work.aclose()

    async def _find_streams(self, until: float) -> list[str]:
        try:
            return await self._streams.find_all(until=until)
        except NatsUnavailable as error:
            if error.refuses:
                return []
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
