"""A process' conversation with the hub for threads without an event loop: they only publish.

Such a thread waits in any case until all have its message. So it may as well write it and read the
answer itself: that spares the way to the home loop and back. Threads that publish
at the same time share a connection: one of them, the leader, writes for all of them, and whoever
comes meanwhile has its messages written by the next, together with those of the others.

As far as the hub is concerned this is a process of its own, beside the one that ``client`` speaks
for, and one that nobody asks anything: where no thread waits, nobody reads.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from uuid import uuid4

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.process_liveness import own_presence
from channels_bridge.groups.grpc import frame_codec, log_codec
from channels_bridge.groups.grpc.outbox import BATCH_SIZE
from channels_bridge.groups.grpc.process import client
from channels_bridge.groups.grpc.process.blocking_call import Call
from channels_bridge.groups.grpc.process.blocking_stream import BlockingStream
from channels_bridge.groups.grpc.process.hub_advice import FIND_STUCK, what_to_do
from channels_bridge.groups.grpc.suppression import FEATURE
from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

#: Seconds between attempts to connect again, while a message may have been on its way.
RETRY_DELAY = 0.05

#: How long a hub is left alone that can't be used so, as it is of an earlier release, in seconds.
REFUSED_DELAY = 10

#: How long a thread waits at a time for the one that reads for it, in seconds.
STEP = 1.0

#: For how long nothing is written while the one that reads waits for an answer, in seconds: it may
#: be for somebody who is stuck, and the others publish to somebody else.
WRITE_STEP = 0.02

#: What is unanswered at most of what one caller publishes together.
MAX_TOGETHER = 1024
MAX_BYTES = 4 * 1024 * 1024

#: What may be unanswered before the rest waits, of all threads together; what is written last may
#: go beyond it. For the same reason as there.
MAX_UNANSWERED = client.MAX_REQUESTS
MAX_UNANSWERED_BYTES = client.MAX_BYTES


class BlockingClient:
    """Publishes in the thread that calls, which waits until all have the messages.

    Order: that of the calls, for each thread. Nothing is lost and nothing arrives twice while the
    hub is replaced.

    Args:
        address: of a hub on a unix socket.
        timeout: how many seconds to wait for it before raising TransportUnavailable.
        prefix: of the names of topics at the hub.
    """

    def __init__(self, address: Address, *, timeout: float, prefix: str = "") -> None:
        assert address.path is not None
        self._address = address
        self._path = address.path
        self._timeout = timeout
        self._prefix = f"{prefix}/" if prefix else ""
        self._begin()
        home_loop.register(self)

    def _begin(self) -> None:
        self._id = uuid4().bytes
        self._seq = 0
        self._stream: BlockingStream | None = None
        self._calls: deque[Call] = deque()  # that aren't written yet
        self._frames: dict[int, tuple[bytes, Call]] = {}  # that aren't answered, by number
        # Who reads and writes for all. A dict, as a signal handler may raise anywhere: no lock is
        # left behind where it is kept who has it.
        self._leader: dict[None, Call] = {}
        self._refused_until = 0.0
        self._trouble = ""

    # What the transport asks for.

    def publish(self, topics: Sequence[str], payload: bytes) -> bool:
        """Publish to topics; return once all who subscribed have it.

        Returns:
            False where nothing was done, since it has to go another way: there is no such hub, or a
            signal handler has interrupted who reads for all.

        Raises:
            TransportUnavailable: there was no answer in time. It may have arrived or not.
        """
        return self._publish(topics, payload, None)

    def append(self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool) -> bool:
        """Append to a topic's log; return once it has its number. Else as ``publish()``."""
        return self._publish([topic], payload, log_codec.wire_history(bounds, kept=kept))

    def _publish(self, topics: Sequence[str], payload: bytes, history: wire.History | None) -> bool:
        together = max(1, min(MAX_TOGETHER, MAX_BYTES // (len(payload) + 1)))
        for start in range(0, len(topics), together):
            names = [self._prefix + topic for topic in topics[start : start + together]]
            publications = [
                wire.Publish(topic=name, payload=payload, confirm=True, history=history)
                for name in names
            ]
            if not self._call(Call(publications)):
                if not start:
                    return False
                self._publish_later(publications)
        return True

    def _publish_later(self, publications: Sequence[wire.Publish]) -> None:
        """Publish what comes behind what has arrived: that can't go another way any more."""
        deadline = time.monotonic() + self._timeout
        while not self._call(Call(publications)):
            if time.monotonic() >= deadline:
                raise self.unavailable()
            time.sleep(RETRY_DELAY)

    async def close(self) -> None:
        """Disconnect. It may be used again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def after_fork(self) -> None:
        """Begin anew in a forked child, which shares nothing with its parent."""
        if self._stream is not None:
            self._stream.close()
        self._begin()

    # Who reads and writes.

    def _call(self, call: Call) -> bool:
        leader = self._leader.get(None)
        if leader is not None and leader.thread == call.thread and not leader.is_over:
            return False  # a signal handler, in the thread that reads
        deadline = time.monotonic() + self._timeout
        self._calls.append(call)
        try:
            while not call.is_over:
                if time.monotonic() >= deadline:
                    raise self.unavailable()
                if self._leader.setdefault(None, call) is call:
                    self._lead(call, deadline)
                else:
                    self._wait(call)
        finally:
            self._leave(call)
        return not call.goes_elsewhere

    def _lead(self, call: Call, deadline: float) -> None:
        """Read and write for all, until one call is over."""
        try:
            while not call.is_over and time.monotonic() < deadline and self._converse(deadline):
                pass
        except TransportUnavailable:
            raise
        except BaseException:  # a signal handler has raised: half of a frame may be written
            self._lose("it was interrupted")
            raise

    def _wait(self, call: Call) -> None:
        """Wait for the one that reads; take its place if it was kept from leaving.

        It leaves at once when its call is over, unless a signal handler raises just then.
        """
        leader = self._leader.get(None)
        was_over = leader is not None and leader.is_over
        if call.wait(min(STEP, self._timeout)) or not was_over or leader is None:
            return
        if self._leader.get(None) is leader and leader.heirs.setdefault(None, call) is call:
            self._leader[None] = call

    def _leave(self, call: Call) -> None:
        """Forget a call, and let another one read, unless somebody does."""
        call.is_over = True
        try:
            self._clear_away(call)
        finally:
            if self._leader.get(None) is call:
                del self._leader[None]
        if None not in self._leader:
            waiting = [*(its for _, its in self._frames.copy().values()), *self._calls.copy()]
            for other in waiting:
                if not other.is_over:
                    other.wake()
                    break

    def _clear_away(self, call: Call) -> None:
        if not call.is_answered:  # it has been given up
            for publication in call.publications:
                self._frames.pop(publication.seq, None)
        if self._leader.get(None) is call:
            while self._calls and self._calls[0].is_over:
                self._calls.popleft()

    # The conversation.

    def _converse(self, deadline: float) -> bool:
        """Write what waits, and take one batch of answers. False when the stream is lost."""
        try:
            if not self._is_connected(deadline):
                return False
            self._write_calls(deadline)
            assert self._stream is not None
            if self._frames:
                self._take(self._read(deadline))
        except TimeoutError:
            raise self.unavailable() from None
        except (OSError, frame_codec.DecodeError) as error:
            self._lose(str(error))
            return False
        return True

    def _read(self, deadline: float) -> bytes:
        """Wait for answers; return none once somebody else has something to write."""
        assert self._stream is not None
        while True:
            try:
                return self._stream.read(min(deadline, time.monotonic() + WRITE_STEP))
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise
                if self._calls and self._has_room(*self._load()):
                    return b""

    def _is_connected(self, deadline: float) -> bool:
        if self._stream is not None and not self._frames:
            self._stream.look()  # before anything is written that would have to be repeated
        if self._stream is not None:
            return True
        try:
            self._stream = self._connect(deadline)
        except TimeoutError:
            raise
        except (OSError, frame_codec.DecodeError) as error:
            self._trouble = str(error)
            self._send_away()
            return False
        return True

    def _connect(self, deadline: float) -> BlockingStream:
        """Say who this is, and what wasn't answered.

        Raises:
            OSError: there is no hub, or none that can be used so.
        """
        if (trouble := self._address.find_trouble()) is not None:
            raise ConnectionError(trouble)
        if time.monotonic() < self._refused_until:
            raise ConnectionError("it is of an earlier release")
        goodbye = frame_codec.encode(wire.Bye())
        stream = BlockingStream(
            self._path, f"/{frame_codec.SERVICE}/{frame_codec.METHOD}", deadline, goodbye
        )
        try:
            hello = wire.Hello(
                version=frame_codec.VERSION,
                process=self._id,
                presence=own_presence(),
                only_publishes=True,
            )
            stream.write(frame_codec.encode(hello), deadline)
            self._require_welcome(stream.read(deadline))
            for batch in _batches(frame for frame, _ in self._frames.copy().values()):
                stream.write(batch, deadline)
        except BaseException:
            stream.close()
            raise
        return stream

    def _require_welcome(self, batch: bytes) -> None:
        for field, kind in frame_codec.parse(batch):
            if field == "welcome" and FEATURE in kind.features:
                return
        self._refused_until = time.monotonic() + REFUSED_DELAY
        raise ConnectionError("it is of another release")

    def _write_calls(self, deadline: float) -> None:
        if not self._calls:
            return
        frames: list[bytes] = []
        count, size = self._load()
        while self._calls and self._has_room(count, size):
            call = self._calls[0]
            numbered = self._number(call) if not call.is_over else []
            self._calls.popleft()
            frames += numbered
            count += len(numbered)
            size += sum(map(len, numbered))
        for batch in _batches(frames):
            assert self._stream is not None
            self._stream.write(batch, deadline)

    def _load(self) -> tuple[int, int]:
        """How many are unanswered, and how many bytes that are."""
        frames = self._frames.copy().values()
        return len(frames), sum(len(frame) for frame, _ in frames)

    @staticmethod
    def _has_room(count: int, size: int) -> bool:
        return count < MAX_UNANSWERED and size < MAX_UNANSWERED_BYTES

    def _number(self, call: Call) -> list[bytes]:
        """Give publications their numbers; once more after an interrupt, nothing changes."""
        frames = []
        for publication in call.publications:
            if not publication.seq:
                self._seq += 1
                publication.seq = self._seq
            frame = frame_codec.encode(publication)
            self._frames[publication.seq] = (frame, call)
            frames.append(frame)
        return frames

    def _take(self, batch: bytes) -> None:
        for field, kind in frame_codec.parse(batch):
            if field in ("settled", "sequenced"):
                for seq in kind.seqs:
                    self._answered(seq)

    def _answered(self, seq: int) -> None:
        _, call = self._frames.get(seq, (b"", None))
        if call is not None:  # else who waited for it has given up
            # Last, and once more makes no difference: a signal handler may raise in between.
            call.answer(seq)
            self._frames.pop(seq, None)

    # Without a hub.

    def _lose(self, trouble: str) -> None:
        self._trouble = trouble
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _send_away(self) -> None:
        """Let those go elsewhere who have written nothing; what others wrote may have arrived."""
        for call in self._calls.copy():
            if not (call.is_over or call.publications[0].seq):
                call.goes_elsewhere = True
                call.end()
        if self._frames:
            time.sleep(RETRY_DELAY)

    def unavailable(self) -> TransportUnavailable:
        """Say why there is no answer, and what to do."""
        if self._stream is not None:
            waiting = f"unanswered after {self._timeout:g} seconds: {len(self._frames)}"
            return TransportUnavailable(
                str(self._address), f"it is connected; {waiting}", FIND_STUCK
            )
        trouble = self._address.find_trouble() or self._trouble
        trouble = trouble or f"it didn't answer within {self._timeout:g} seconds"
        return TransportUnavailable(str(self._address), trouble, what_to_do(self._address))


def _batches(frames: Iterable[bytes]) -> Iterator[bytes]:
    """Join frames to batches, which are no longer than others that the hub reads."""
    batch: list[bytes] = []
    size = 0
    for frame in frames:
        batch.append(frame)
        size += len(frame)
        if size >= BATCH_SIZE:
            yield b"".join(batch)
            batch, size = [], 0
    if batch:
        yield b"".join(batch)
