"""Threads without an event loop publish by themselves, and share what they write."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.grpc import frame_codec, suppression
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.process import blocking_call, blocking_client
from channels_bridge.groups.grpc.process.blocking_client import BlockingClient
from channels_bridge.groups.grpc.process.blocking_stream import BlockingStream
from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.hubs import DEADLINE, HubProcess
from compat_tests.groups.sessions import Process, exchange_all


class Hub:
    """Stands in for streams to a hub, and for the hub: a test says what it answers.

    Attributes:
        batches: what was written, without what says who it is.
        answers: what comes next: frames, or an error.
        features: what it says of itself.
        is_there: whether anybody can connect.
        is_cut: whether the connection there is has ended meanwhile.
    """

    def __init__(self) -> None:
        self.batches: list[list[wire.Publish]] = []
        self.answers: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
        self.features = [suppression.FEATURE]
        self.is_there = True
        self.is_cut = False
        self.hellos: list[wire.Hello] = []
        self.closed = 0

    def connect(self, *_: object) -> Hub:
        if not self.is_there:
            raise ConnectionRefusedError("nobody listens")
        return self

    def look(self) -> None:
        if self.is_cut or not self.is_there:
            self.is_cut = False
            raise ConnectionError("gone")

    def write(self, batch: bytes, deadline: float) -> None:
        kinds = [kind for _, kind in frame_codec.parse(batch)]
        if isinstance(kinds[0], wire.Hello):
            self.hellos.append(kinds[0])
            self.welcome = frame_codec.encode(wire.Welcome(features=self.features))
        else:
            self.batches.append(kinds)

    def read(self, deadline: float) -> bytes:
        if self.welcome:
            welcome, self.welcome = self.welcome, b""
            return welcome
        try:
            answer = self.answers.get(timeout=max(deadline - time.monotonic(), 0.001))
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        self.closed += 1

    def settle(self, *seqs: int) -> None:
        """Say that all of these have arrived."""
        self.answers.put(frame_codec.encode(wire.Settled(seqs=seqs)))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """One that is there, and answers what the test says."""
    hub = Hub()
    monkeypatch.setattr(blocking_client, "BlockingStream", hub.connect)
    monkeypatch.setattr(blocking_client, "RETRY_DELAY", 0)
    monkeypatch.setattr(blocking_client, "WRITE_STEP", DEADLINE)
    return hub


@pytest.fixture
def client(hub: Hub, socket_dir: Path) -> BlockingClient:
    """One that connects to it."""
    path = socket_dir / "groups.sock"
    path.touch()
    return BlockingClient(Address(path), timeout=DEADLINE, prefix="mine")


class Thread(threading.Thread):
    """Publishes one message."""

    def __init__(self, client: BlockingClient, payload: bytes) -> None:
        super().__init__()
        self.client, self.payload = client, payload
        self.result: object = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.client.publish(["g:room"], self.payload)
        except BaseException as error:
            self.result = error


def until(condition) -> None:
    """Wait until another thread has brought something about."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def published(hub: Hub) -> list[list[bytes]]:
    """The payloads of each batch."""
    return [[publish.payload for publish in batch] for batch in hub.batches]


def test_published(hub, client):
    """What is published waits for the answer, and says that somebody does."""
    hub.settle(1)
    assert client.publish(["g:room"], b"hello")
    [[publish]] = hub.batches
    assert (publish.topic, publish.payload, publish.confirm) == ("mine/g:room", b"hello", True)
    assert hub.hellos[0].only_publishes


def test_threads_share_batches(hub, client):
    """What threads publish while one of them waits for its answer is written together."""
    threads = [Thread(client, b"0")]
    until(lambda: len(hub.batches) == 1)
    threads += [Thread(client, str(number).encode()) for number in range(1, 8)]
    until(lambda: len(client._calls) == 7)
    hub.settle(1)
    until(lambda: len(hub.batches) == 2)
    hub.settle(*range(2, 9))
    for thread in threads:
        thread.join(DEADLINE)
        assert thread.result is True
    first, second = published(hub)
    assert first == [b"0"]
    assert sorted(second) == [str(number).encode() for number in range(1, 8)]
    assert [publish.seq for publish in hub.batches[1]] == list(range(2, 9))


def test_answers_in_any_order(hub, client):
    """A thread goes on when its own message has arrived, whoever reads that."""
    threads = [Thread(client, b"0")]
    until(lambda: len(hub.batches) == 1)
    threads += [Thread(client, b"1"), Thread(client, b"2")]
    until(lambda: len(client._calls) == 2)
    hub.settle(1)
    until(lambda: len(hub.batches) == 2)
    threads[0].join(DEADLINE)
    hub.settle(3)
    until(lambda: sum(thread.is_alive() for thread in threads) == 1)
    hub.settle(2)
    for thread in threads:
        thread.join(DEADLINE)
        assert thread.result is True


def test_many_topics(hub, client, monkeypatch: pytest.MonkeyPatch):
    """Many are published together, but no more than has a bound."""
    monkeypatch.setattr(blocking_client, "MAX_TOGETHER", 3)
    hub.settle(1, 2, 3)
    hub.settle(4)
    assert client.publish([f"g:{number}" for number in range(4)], b"hello")
    assert [[publish.topic for publish in batch] for batch in hub.batches] == [
        ["mine/g:0", "mine/g:1", "mine/g:2"],
        ["mine/g:3"],
    ]


def test_large_messages_are_not_all_written_at_once(hub, client):
    """The bound is one of bytes, too."""
    large = b"x" * (blocking_client.MAX_BYTES // 2)
    hub.settle(1)
    hub.settle(2)
    assert client.publish(["g:0", "g:1"], large)
    assert [len(batch) for batch in hub.batches] == [1, 1]


def test_messages_wait_while_much_is_unanswered(hub, client, monkeypatch: pytest.MonkeyPatch):
    """Else many threads together would have the hub cut off a process that is only slow."""
    monkeypatch.setattr(blocking_client, "MAX_UNANSWERED", 2)
    threads = [Thread(client, b"0")]
    until(lambda: len(hub.batches) == 1)
    threads += [Thread(client, b"x") for _ in range(4)]
    until(lambda: len(client._calls) == 4)
    for answered in ([1], [2, 3], [4, 5]):
        hub.settle(*answered)
    for thread in threads:
        thread.join(DEADLINE)
        assert thread.result is True
    assert [len(batch) for batch in hub.batches] == [1, 2, 2]


def test_large_messages_of_threads(hub, client):
    """No more is in one batch than the hub takes, whatever waits; also not after a reconnect."""
    threads = [Thread(client, b"0")]
    until(lambda: len(hub.batches) == 1)
    threads += [Thread(client, b"x" * blocking_client.BATCH_SIZE) for _ in range(3)]
    until(lambda: len(client._calls) == 3)
    hub.settle(1)
    until(lambda: len(hub.batches) == 4)
    hub.answers.put(ConnectionResetError("reset"))
    until(lambda: len(hub.batches) == 7)
    hub.settle(2, 3, 4)
    for thread in threads:
        thread.join(DEADLINE)
        assert thread.result is True
    assert [[publish.seq for publish in batch] for batch in hub.batches[1:]] == [[2], [3], [4]] * 2


def test_who_waits_for_somebody_stuck_keeps_nobody_from_writing(
    hub, client, monkeypatch: pytest.MonkeyPatch
):
    """The others publish to other processes, and are done before it is."""
    monkeypatch.setattr(blocking_client, "WRITE_STEP", 0.001)
    first = Thread(client, b"stuck")
    until(lambda: hub.batches)
    second = Thread(client, b"other")
    until(lambda: len(hub.batches) == 2)
    hub.settle(2)
    second.join(DEADLINE)
    assert second.result is True and first.is_alive()
    hub.settle(1)
    first.join(DEADLINE)
    assert first.result is True


def test_hub_that_is_replaced_between_many(hub, client, monkeypatch: pytest.MonkeyPatch):
    """What comes behind what has arrived waits for the next hub."""
    monkeypatch.setattr(blocking_client, "MAX_TOGETHER", 1)
    monkeypatch.setattr(blocking_client, "RETRY_DELAY", 0.001)
    publishing = threading.Thread(target=client.publish, args=(["g:0", "g:1"], b"x"))
    publishing.start()
    until(lambda: hub.batches)
    hub.is_there = False
    hub.settle(1)
    until(lambda: client._trouble == "nobody listens")
    hub.is_there = True
    hub.settle(2)
    publishing.join(DEADLINE)
    assert not publishing.is_alive()
    assert [[publish.topic for publish in batch] for batch in hub.batches] == [
        ["mine/g:0"],
        ["mine/g:1"],
    ]


def test_history(hub, client):
    """What is kept has its number when it is answered."""
    hub.answers.put(frame_codec.encode(wire.Sequenced(seqs=[1], offsets=[9], orders=[9])))
    assert client.append("g:room", b"hello", Bounds(5, 60.0), kept=False)
    [[publish]] = hub.batches
    assert (publish.history.messages, publish.history.transient) == (5, True)


def test_broken_stream(hub, client):
    """What wasn't answered is written again, with its number."""
    hub.answers.put(ConnectionResetError("reset"))
    hub.settle(1)
    assert client.publish(["g:room"], b"hello")
    assert published(hub) == [[b"hello"], [b"hello"]]
    assert [batch[0].seq for batch in hub.batches] == [1, 1]
    first, second = hub.hellos
    assert first.process == second.process


def test_no_hub(hub, client):
    """Where nothing was written, it has to go another way: at once, and each time."""
    hub.is_there = False
    assert not client.publish(["g:room"], b"hello")
    assert not client._calls, "they are kept for ever"
    hub.is_there = True
    hub.settle(1)
    assert client.publish(["g:room"], b"hello")


def test_hub_that_has_left_meanwhile(hub, client):
    """That shows before anything is written, so that nobody waits for the next hub."""
    hub.settle(1)
    client.publish(["g:room"], b"hello")
    hub.is_there = False
    assert not client.publish(["g:room"], b"hello")
    assert len(hub.batches) == 1


def test_connection_that_was_cut_while_nobody_read(hub, client):
    """A hub does so after a while; the next message has a new one, and is written once."""
    hub.settle(1)
    client.publish(["g:room"], b"first")
    hub.is_cut = True
    hub.settle(2)
    assert client.publish(["g:room"], b"second")
    assert published(hub) == [[b"first"], [b"second"]]
    assert len(hub.hellos) == 2


def test_no_answer(hub, client):
    """Who gets no answer in time is told so; an answer that comes later is nobody's."""
    client._timeout = 0.01
    with pytest.raises(TransportUnavailable, match="unanswered after 0.01 seconds: 1"):
        client.publish(["g:room"], b"first")
    client._timeout = DEADLINE
    hub.settle(1)
    hub.settle(2)
    assert client.publish(["g:room"], b"second")
    assert published(hub) == [[b"first"], [b"second"]]


def test_hub_that_does_not_come_back(hub, client, monkeypatch: pytest.MonkeyPatch):
    """What may have arrived is not sent by another way: that would be twice."""
    client._timeout = 0.01

    def vanish(deadline: float) -> bytes:
        if hub.welcome:
            return Hub.read(hub, deadline)
        hub.is_there = False
        raise ConnectionResetError("reset")

    monkeypatch.setattr(hub, "read", vanish)
    # How it tried last: on a busy machine the time may be over before it can try again.
    with pytest.raises(TransportUnavailable, match="nobody listens|reset"):
        client.publish(["g:room"], b"hello")
    assert published(hub) == [[b"hello"]]


def test_hub_of_an_earlier_release(hub, client):
    """One that would ask what nobody reads is left alone, and not asked each time."""
    hub.features = []
    assert not client.publish(["g:room"], b"hello")
    assert not client.publish(["g:room"], b"hello")
    assert len(hub.hellos) == 1 and hub.closed == 1 and hub.batches == []
    assert not client._calls


def test_signal_handler_that_sends(hub, client, monkeypatch: pytest.MonkeyPatch):
    """It goes another way where it has interrupted the thread that reads."""
    told = []
    read = hub.read

    def interrupted(deadline: float) -> bytes:
        if hub.batches and not told:
            told.append(client.publish(["g:room"], b"from the handler"))
        return read(deadline)

    monkeypatch.setattr(hub, "read", interrupted)
    hub.settle(1)
    assert client.publish(["g:room"], b"hello")
    assert told == [False]
    assert published(hub) == [[b"hello"]]


def test_signal_handler_that_raises(hub, client):
    """Nothing is left behind: the next one connects anew, and reads."""
    hub.answers.put(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        client.publish(["g:room"], b"first")
    assert hub.closed == 1
    hub.settle(2)
    assert client.publish(["g:room"], b"second")
    assert published(hub) == [[b"first"], [b"second"]]


def test_the_thread_that_reads_is_interrupted(hub, client):
    """Another one reads for all, and writes again what may be lost."""
    first = Thread(client, b"first")
    until(lambda: hub.batches)
    second = Thread(client, b"second")
    until(lambda: client._calls)
    hub.answers.put(KeyboardInterrupt())
    hub.settle(2)
    for thread in (first, second):
        thread.join(DEADLINE)
    assert isinstance(first.result, KeyboardInterrupt)
    assert second.result is True
    assert published(hub) == [[b"first"], [b"second"]]


def test_interrupted_between_answers(hub, client, monkeypatch: pytest.MonkeyPatch):
    """What is answered is so for the thread that waits for it, or is asked for again."""
    first = Thread(client, b"first")
    until(lambda: hub.batches)
    second = Thread(client, b"second")
    until(lambda: client._calls)
    end, interrupts = blocking_call.Call.end, [KeyboardInterrupt()]

    def interrupted(call: blocking_call.Call) -> None:
        if call.publications[0].payload == b"second" and interrupts:
            raise interrupts.pop()
        end(call)

    monkeypatch.setattr(blocking_call.Call, "end", interrupted)
    monkeypatch.setattr(blocking_client, "WRITE_STEP", 0.001)
    hub.answers.put(TimeoutError())
    until(lambda: len(hub.batches) == 2)
    hub.settle(2)
    first.join(DEADLINE)
    assert isinstance(first.result, KeyboardInterrupt)
    hub.settle(2)
    second.join(DEADLINE)
    assert second.result is True


def test_interrupted_while_it_leaves(hub, client, monkeypatch: pytest.MonkeyPatch):
    """The place of the one that reads is free all the same."""

    def interrupted(call: blocking_call.Call) -> bool:
        raise KeyboardInterrupt

    hub.answers.put(RuntimeError("interrupted, too"))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(blocking_call.Call, "is_answered", property(interrupted))
        client.publish(["g:room"], b"first")
    assert not client._leader
    hub.settle(2)
    assert client.publish(["g:room"], b"second")


@pytest.mark.parametrize("is_own", [False, True])
def test_kept_from_leaving(hub, client, monkeypatch: pytest.MonkeyPatch, is_own: bool):
    """Of those that wait for one that left no room, one takes its place."""
    monkeypatch.setattr(blocking_client, "STEP", 0.001)
    dead = client._leader[None] = blocking_call.Call([])
    dead.is_over, dead.thread = True, threading.get_ident() if is_own else 0
    threads = [Thread(client, b"x") for _ in range(3)]
    for _ in range(4):  # as many batches as there may be
        hub.settle(1, 2, 3, 4)
    assert client.publish(["g:room"], b"mine")
    for thread in threads:
        thread.join(DEADLINE)
        assert thread.result is True
    assert not client._leader


def test_after_a_fork(hub, client):
    """A child has another name, and a connection of its own."""
    hub.settle(1)
    client.publish(["g:room"], b"hello")
    client.after_fork()
    hub.settle(1)
    client.publish(["g:room"], b"hello")
    first, second = hub.hellos
    assert first.process != second.process


# Real sockets.


@pytest.fixture
def real(shared_hub: HubProcess, prefix: str) -> Iterator[BlockingClient]:
    """A client at a hub."""
    yield BlockingClient(Address.parse(shared_hub.address), timeout=DEADLINE, prefix=prefix)


def test_a_real_hub(real):
    """It understands this HTTP/2: small messages, and such as flow control cuts."""
    for size in (1, 100_000, 5_000_000):
        assert real.publish(["g:room"], b"x" * size)
    assert real.publish([f"g:{number}" for number in range(5000)], b"x" * 100)


def test_goodbye(socket_dir, monkeypatch: pytest.MonkeyPatch):
    """Who disconnects says so; a forked child, which has a copy, leaves that to its parent."""
    path = socket_dir / "groups.sock"
    goodbye = frame_codec.encode(wire.Bye())
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()
        for is_child in (False, True):
            stream = BlockingStream(path, "/s/M", time.monotonic() + DEADLINE, goodbye)
            stream.write(b"hello", time.monotonic() + DEADLINE)
            connection, _ = listener.accept()
            with monkeypatch.context() as patch:
                patch.setattr(os, "getpid", partial(int, os.getpid() + is_child))
                stream.close()
            with connection, connection.makefile("rb") as reader:
                assert reader.read().endswith(goodbye) != is_child


def test_no_goodbye_within_a_message(socket_dir):
    """Where a write was cut short the hub gets no more: it would be a part of that message."""
    path = socket_dir / "groups.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()
        stream = BlockingStream(path, "/s/M", time.monotonic() + DEADLINE, b"goodbye")
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as reader:
            for buffer, size in (
                (stream._socket, socket.SO_SNDBUF),
                (connection, socket.SO_RCVBUF),
            ):
                buffer.setsockopt(socket.SOL_SOCKET, size, 4096)
            with pytest.raises(ConnectionError, match="doesn't read"):
                stream.write(b"x" * 60_000, time.monotonic())
            assert connection.recv(4096)
            stream.close()
            assert b"goodbye" not in reader.read()


# The hub's side.


async def test_nobody_is_silent(clock):
    """The hub lets it be silent about no topic, as it wouldn't read that somebody listens."""
    hub = Exchange(is_first=True)
    outbox = Outbox()
    hello = wire.Hello(version=frame_codec.VERSION, process=b"caller", only_publishes=True)
    session = hub.join(hello, outbox)
    listener = Process()
    listener.connect(hub)
    listener.client.subscribe("g:other")
    exchange_all(listener)
    batch = frame_codec.encode(wire.Publish(seq=1, topic="g:room", payload=b"x", confirm=True))
    hub.receive(session, outbox, batch)
    written = list(frame_codec.parse(outbox.take_nowait()))
    assert [field for field, _ in written] == ["welcome", "settled"]
    assert list(written[1][1].seqs) == [1] and not written[1][1].unheard
    subscription = listener.client.subscribe("g:room")
    exchange_all(listener)
    assert subscription.answer.done()
    hub.tick()
    assert outbox.take_nowait() == b""
