"""Many messages of logs in one frame, both ways; each by itself where the other side is older."""

from __future__ import annotations

import time

import pytest

from channels_bridge.groups.grpc import frame_codec, log_codec
from channels_bridge.groups.grpc.hub import exchange
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.sequencer import make_chronicle
from channels_bridge.groups.grpc.process import history_client
from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.journal_records import Moment, Record, encode, read_all
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.following_processes import TOPIC, FollowingProcess, follower, make_old
from compat_tests.groups.sessions import Clock, exchange_all

OTHER = "g:other"


@pytest.fixture
async def hub(clock: Clock) -> Exchange:
    """A hub that is the first."""
    return Exchange(is_first=True)


def names(batch: bytes) -> list[str]:
    """Which frames a batch has, but for those that tell who else is there."""
    return [name for name, _ in frame_codec.parse(batch) if name != "peers"]


def write(process: FollowingProcess) -> list[str]:
    """Let the hub read what a process has to say. Returns the names of the frames."""
    session, outbox = process.stream
    assert session is not None and process.client.outbox is not None
    batch = process.client.outbox.take_nowait()
    process._exchange.receive(session, outbox, batch)
    return names(batch)


def read(process: FollowingProcess) -> list[str]:
    """Let a process read what the hub has to say. Returns the names of the frames."""
    batch = process.stream[1].take_nowait()
    process.client.receive(batch)
    return names(batch)


def numbers(count: int) -> list[bytes]:
    """So many messages."""
    return [b"%d" % number for number in range(count)]


async def test_one_frame_each_way(hub: Exchange) -> None:
    """What is sent while nothing is written goes in one frame to the hub, and from there on."""
    sender, receiver = follower(hub), follower(hub)
    requests = [sender.append(payload) for payload in numbers(5)]
    assert write(sender) == ["appends"]
    assert read(receiver) == ["deliveries"]
    assert read(sender) == ["sequenced"]
    assert sender.told == receiver.told == numbers(5)
    assert all(request.answer.result() for request in requests)
    assert sender.client.statistics().unacknowledged_bytes == 0
    # It counts as one frame that was handled.
    write(receiver)
    assert not receiver.stream[0]._pending  # type: ignore[union-attr]


async def test_alone_in_its_frame(hub: Exchange) -> None:
    """A message that is alone goes as it does to a hub of an earlier release."""
    sender, receiver = follower(hub), follower(hub)
    for payload in numbers(2):
        sender.append(payload)
        assert write(sender) == ["publish"]
        assert read(receiver) == ["delivery"]
    read(sender)
    assert sender.told == receiver.told == numbers(2)


async def test_many_topics(hub: Exchange) -> None:
    """The order over all topics is that of the calls, also of what is not kept."""
    sender, receiver = follower(hub, TOPIC, OTHER), follower(hub, TOPIC, OTHER)
    payloads = numbers(24)
    for number, payload in enumerate(payloads):
        sender.append(payload, OTHER if number % 5 > 2 else TOPIC, kept=number % 7 > 0)
    assert write(sender) == ["appends"]
    exchange_all(sender, receiver)
    for process in (sender, receiver):
        assert [entry.payload for _, entry in process.recorder.entries] == payloads
        orders = [entry.order for _, entry in process.recorder.entries]
        assert orders == list(range(1, 25))
    kept = [entry.payload for topic in (TOPIC, OTHER) for entry in sender.recorder.kept[topic]]
    assert sorted(kept, key=int) == [payloads[number] for number in range(24) if number % 7]


async def test_what_is_written_in_between_stays_there(hub: Exchange) -> None:
    """Numbers reach the hub in their order: it would leave out what comes behind a higher one."""
    sender, receiver = follower(hub), follower(hub)
    for payload in numbers(4):
        sender.append(payload)
        if payload == b"1":
            sender.client.subscribe("g:own")
    assert write(sender) == ["appends", "subscribe", "appends"]
    exchange_all(sender, receiver)
    assert sender.told == receiver.told == numbers(4)


async def test_senders_in_turn(hub: Exchange) -> None:
    """Others' messages come in between where they were numbered in between."""
    first, second = follower(hub), follower(hub)
    for payload in numbers(9):
        sender = first if int(payload) // 3 != 1 else second
        sender.append(payload)
        if int(payload) % 3 == 2:
            assert write(sender) == ["appends"]
    assert read(first) == ["sequenced", "deliveries", "sequenced"]
    assert read(second) == ["deliveries", "sequenced", "deliveries"]
    assert first.told == second.told == numbers(9)


async def test_frames_have_an_end(hub: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame is no longer than a batch, about: what comes behind a large message is another."""
    monkeypatch.setattr(history_client, "BATCH_SIZE", 1000)
    sender = follower(hub)
    for _ in range(3):
        sender.append(bytes(2000))
    for payload in numbers(100):
        sender.append(payload)
    frames = write(sender)
    assert frames[:3] == ["publish"] * 3
    assert 5 <= frames.count("appends") <= 7
    exchange_all(sender)
    assert sender.told[3:] == numbers(100)


async def test_nothing_is_added_to_what_was_written(hub: Exchange) -> None:
    """What is sent after a frame was taken goes in the next one."""
    sender = follower(hub)
    for payload in numbers(6):
        sender.append(payload)
        if payload in (b"1", b"3"):
            assert write(sender) == ["appends"]
    assert write(sender) == ["appends"]
    exchange_all(sender)
    assert sender.told == numbers(6)


async def test_bound_queues(hub: Exchange) -> None:
    """Queues that are bound to the topic get each of them."""
    process = follower(hub)
    process.client.request(wire.Bind(topic=TOPIC, queue="work", capacity=9, expiry=60, lifetime=60))
    for payload in numbers(3):
        process.append(payload)
    exchange_all(process)
    pulls = [process.client.pull("work") for _ in range(3)]
    exchange_all(process)
    assert [pull.item.result() for pull in pulls] == numbers(3)


async def test_who_has_only_subscribed(hub: Exchange) -> None:
    """Such a process gets each of them as any other message."""
    sender, receiver = follower(hub), follower(hub, OTHER)
    receiver.client.subscribe(TOPIC)
    exchange_all(receiver)
    for payload in numbers(3):
        sender.append(payload)
    write(sender)
    assert read(receiver) == ["delivery"] * 3


# Sent again.


async def test_answer_was_lost(hub: Exchange) -> None:
    """What is sent again goes frame by frame, and is not numbered again; what is new is joined."""
    sender, receiver = follower(hub), follower(hub)
    requests = [sender.append(payload) for payload in numbers(3)]
    write(sender)
    sender.lose()
    sender._on_its_way.clear()
    requests.append(sender.append(b"3"))
    sender.client.disconnected()
    batch = sender.client.connected().take_nowait()
    assert names(batch) == ["hello", *["publish"] * 4]
    sender.connect(hub)
    assert "welcome" in read(sender)
    for payload in numbers(7)[4:]:
        requests.append(sender.append(payload))
    assert write(sender)[-1] == "appends"
    exchange_all(sender, receiver)
    assert sender.told == receiver.told == numbers(7)
    assert all(request.answer.result() for request in requests)


def appends(seq: int, payloads: list[bytes]) -> bytes:
    """A frame of messages to the topic."""
    history = wire.History(messages=100, seconds=300)
    target = wire.Target(topic=TOPIC, history=history)
    return frame_codec.encode(wire.Appends(seq=seq, targets=[target], payloads=payloads))


def answers(batch: bytes) -> tuple[list[int], list[int]]:
    """The numbers of requests that are settled, and of those that have got a number."""
    settled: list[int] = []
    sequenced: list[int] = []
    for name, kind in frame_codec.parse(batch):
        if name in ("settled", "sequenced"):
            (settled if name == "settled" else sequenced).extend(kind.seqs)
    return settled, sequenced


async def test_the_hub_knows_some_of_them(hub: Exchange) -> None:
    """A frame of which a part was there before is answered for all, and the rest is numbered."""
    receiver, stranger = follower(hub), FollowingProcess()
    stranger.connect(hub)
    session, outbox = stranger.stream
    assert session is not None
    outbox.take_nowait()
    for seq, payloads, expected in [
        (5, [b"5", b"6"], ([], [5, 6])),
        (5, [b"5", b"6"], ([5, 6], [])),
        (6, [b"6", b"7", b"8"], ([6], [7, 8])),
        (7, [b"7"], ([7], [])),
    ]:
        hub.receive(session, outbox, appends(seq, payloads))
        assert answers(outbox.take_nowait()) == expected
    exchange_all(receiver)
    assert receiver.told == [b"5", b"6", b"7", b"8"]


async def test_the_hub_before_has_numbered_some_of_them() -> None:
    """So it is with a hub that knows of them by its predecessor's journal only."""
    journal: list[Record] = []

    def chronicle() -> Chronicle:
        made, moment = make_chronicle(), Moment(time.monotonic(), time.time(), "boot")
        made.restore(read_all(b"".join(map(encode, journal))).records, moment)
        made.begin(moment, journal.append)
        return made

    hub = Exchange(is_first=True, chronicle=chronicle())
    process = follower(hub)
    for payload in numbers(3):
        process.append(payload)
    exchange_all(process)
    successor = Exchange(is_first=False, roster={}, chronicle=chronicle())
    process.connect(successor)
    session, outbox = process.stream
    assert session is not None
    exchange_all(process)
    first = process.client._seq - 1
    successor.receive(session, outbox, appends(first, [b"1", b"2", b"3"]))
    assert answers(outbox.take_nowait()) == ([first, first + 1], [first + 2])
    late = follower(successor)
    assert late.told == numbers(4)


async def test_unsound_frames_are_left_out(hub: Exchange) -> None:
    """What makes no sense is nothing, and what follows it is heard."""
    process = follower(hub)
    session, outbox = process.stream
    assert session is not None
    nowhere = frame_codec.encode(wire.Appends(seq=50, payloads=[b"nowhere"]))
    hub.receive(session, outbox, nowhere + appends(60, [b"1", b"2"]))
    assert answers(outbox.take_nowait()) == ([], [60, 61])


# Other releases.


async def test_hub_of_an_earlier_release(hub: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that keeps history and doesn't say that it reads joined frames gets none."""
    monkeypatch.setattr(exchange, "FEATURES", (log_codec.FEATURE,))
    sender, receiver = follower(hub), follower(hub)
    for payload in numbers(3):
        sender.append(payload)
    assert write(sender) == ["publish"] * 3
    exchange_all(sender, receiver)
    assert sender.told == receiver.told == numbers(3)


async def test_hub_is_upgraded_and_back(hub: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hub can read is known anew on each stream."""
    sender = follower(hub)
    for features, frame in [
        ((log_codec.FEATURE,), "publish"),
        ((log_codec.FEATURE, log_codec.JOINED), "appends"),
        ((log_codec.FEATURE,), "publish"),
    ]:
        monkeypatch.setattr(exchange, "FEATURES", features)
        sender.connect(hub)
        exchange_all(sender)
        for payload in numbers(2):
            sender.append(payload)
        assert set(write(sender)) == {frame}
        exchange_all(sender)
    assert sender.told == numbers(2) * 3


async def test_process_of_an_earlier_release(hub: Exchange) -> None:
    """One that doesn't say that it reads joined frames gets each message by itself."""
    old = FollowingProcess()
    make_old(old)
    old.connect(hub)
    old.client.follow(TOPIC)
    exchange_all(old)
    sender, new = follower(hub), follower(hub)
    for payload in numbers(3):
        sender.append(payload)
    write(sender)
    assert read(old) == ["delivery"] * 3
    assert read(new) == ["deliveries"]
    assert old.told == new.told == numbers(3)
