"""What the hub numbers, and what processes make of it; without a network between them."""

from __future__ import annotations

import logging
import time
from math import inf

import pytest

from channels_bridge.groups.grpc import frame_codec, log_codec
from channels_bridge.groups.grpc.hub import exchange
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.recovery import PATIENCE
from channels_bridge.groups.grpc.hub.sequencer import NoJournal, make_chronicle
from channels_bridge.groups.grpc.process.history_client import Reading
from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.journal_records import Moment, Record
from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.following_processes import BOUNDS, TOPIC, FollowingProcess, follower
from compat_tests.groups.sessions import Clock, Process, exchange_all


@pytest.fixture
async def hub(clock: Clock) -> Exchange:
    """A hub that is the first."""
    return Exchange(is_first=True)


async def test_one_order_at_all_followers(hub: Exchange) -> None:
    """Whoever sends, all followers get the same order, numbered without a hole; senders too."""
    processes = [follower(hub) for _ in range(3)]
    requests = [
        process.append(b"%d %d" % (round_, number))
        for round_ in range(20)
        for number, process in enumerate(processes)
    ]
    exchange_all(*processes)
    first, *others = (process.told for process in processes)
    assert len(first) == 60
    assert all(other == first for other in others)
    assert [e.offset for e in processes[0].recorder.kept[TOPIC]] == list(range(1, 61))
    assert all(request.answer.result() for request in requests)


async def test_order_over_topics(hub: Exchange) -> None:
    """What one process sends to several topics keeps its order, by the numbers of the hub."""
    sender, receiver = follower(hub, TOPIC, "g:other"), follower(hub, TOPIC, "g:other")
    for number in range(30):
        sender.append(b"%d" % number, "g:other" if number % 3 else TOPIC)
    exchange_all(sender, receiver)
    for process in (sender, receiver):
        payloads = [entry.payload for _, entry in process.recorder.entries]
        assert payloads == [b"%d" % number for number in range(30)]
        orders = [entry.order for _, entry in process.recorder.entries]
        assert orders == sorted(set(orders))


async def test_sender_need_not_follow(hub: Exchange) -> None:
    """Who doesn't follow gets an answer, and nothing else."""
    sender, receiver = follower(hub, "g:other"), follower(hub)
    request = sender.append(b"hello")
    exchange_all(sender, receiver)
    assert request.answer.result()
    assert sender.told == []
    assert receiver.told == [b"hello"]


async def test_follow_brings_what_was_sent_before(hub: Exchange) -> None:
    """Following brings the log, and afterwards exactly what comes next."""
    sender = follower(hub, "g:other")
    for number in range(5):
        sender.append(b"%d" % number)
    exchange_all(sender)
    late = follower(hub)
    sender.append(b"5")
    exchange_all(sender, late)
    assert late.told == [b"%d" % number for number in range(6)]
    assert late.recorder.wholes == {TOPIC: 1}


async def test_parts_of_a_large_log(hub: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log comes in parts, and is one excerpt; nothing comes between them."""
    monkeypatch.setattr(log_codec, "PART_SIZE", 20)
    sender = follower(hub, "g:other")
    payloads = [b"%09d" % number for number in range(50)]
    for payload in payloads:
        sender.append(payload)
    exchange_all(sender)
    late = follower(hub)
    assert late.told == payloads
    assert late.recorder.excerpts == {TOPIC: 1}


async def test_bounds(hub: Exchange) -> None:
    """No more is kept than the sender says."""
    sender = follower(hub, "g:other")
    for number in range(10):
        sender.client.append(TOPIC, b"%d" % number, Bounds(3, 300), kept=True)
    exchange_all(sender)
    assert follower(hub).told == [b"7", b"8", b"9"]


async def test_what_is_not_kept(hub: Exchange) -> None:
    """A message that isn't kept takes its place among the others, and isn't in the log."""
    sender, receiver = follower(hub), follower(hub)
    sender.append(b"1")
    sender.append(b"typing", kept=False)
    sender.append(b"2")
    exchange_all(sender, receiver)
    assert sender.told == receiver.told == [b"1", b"typing", b"2"]
    assert follower(hub).told == [b"1", b"2"]


async def test_logs_of_a_new_stream_come_together(
    hub: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What several logs have brought is handed in at once: members take it by its order."""
    monkeypatch.setattr("channels_bridge.groups.grpc.outbox.BATCH_SIZE", 1)
    topics = ("g:1", "g:2", "g:3")
    sender, receiver = follower(hub, "g:own"), follower(hub, *topics)
    receiver.lose()
    for topic in topics:
        sender.append(b"missed", topic)
    exchange_all(sender)
    receiver.connect(hub)
    counts = []
    while receiver._outbox:
        receiver.read()
        counts.append(sum(receiver.recorder.excerpts.values()))
    assert set(counts) == {3, 6}
    assert counts.count(3) >= len(topics)


async def test_reconnect_brings_what_was_missed(hub: Exchange) -> None:
    """A process that was away gets what it missed, once, in its place, and its own answers."""
    sender, receiver = follower(hub), follower(hub)
    sender.append(b"1")
    exchange_all(sender, receiver)
    receiver.lose()
    for payload in (b"2", b"3"):
        sender.append(payload)
    mine = receiver.append(b"mine")
    exchange_all(sender)
    receiver.connect(hub)
    sender.append(b"4")
    exchange_all(sender, receiver)
    assert mine.answer.result()
    assert receiver.told == sender.told
    assert sorted(receiver.told) == [b"1", b"2", b"3", b"4", b"mine"]
    assert receiver.recorder.wholes == {TOPIC: 1}


async def test_answer_was_lost(hub: Exchange) -> None:
    """What was numbered while the stream broke is sent again, and is not numbered again."""
    sender, receiver = follower(hub), follower(hub)
    request = sender.append(b"1")
    sender.write()
    sender.lose()
    sender._on_its_way.clear()
    sender.connect(hub)
    sender.append(b"2")
    exchange_all(sender, receiver)
    assert request.answer.result()
    assert sender.told == receiver.told == [b"1", b"2"]


async def test_answer_was_lost_to_what_is_not_kept(hub: Exchange) -> None:
    """It is in no log: its sender's own members get it when it is asked for again."""
    sender, receiver = follower(hub), follower(hub)
    sender.append(b"typing", kept=False)
    sender.write()
    sender.lose()
    sender._on_its_way.clear()
    sender.connect(hub)
    exchange_all(sender, receiver)
    assert sender.told == receiver.told == [b"typing"]


async def test_nobody_waits_for_who_is_stopped(hub: Exchange, clock: Clock) -> None:
    """A message is settled when the log has it, whoever hasn't read it yet."""
    sender, receiver = follower(hub), follower(hub)
    receiver.client.subscribe("g:own")
    exchange_all(receiver)
    request = sender.append(b"1")
    exchange_all(sender)
    assert request.answer.result()
    # Cut off in the end, it catches up by the log.
    for _ in range(round((PATIENCE + 1) / 0.25)):
        clock.now += 0.25
        hub.tick()
    assert not receiver.is_connected
    sender.append(b"2")
    receiver._on_its_way.clear()
    receiver.connect(hub)
    exchange_all(sender, receiver)
    assert receiver.told == [b"1", b"2"]
    assert receiver.recorder.wholes == {TOPIC: 1}


async def test_many_topics_are_followed_anew(
    hub: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows more topics than it may leave unhandled can come back, and stays."""
    monkeypatch.setattr("channels_bridge.groups.grpc.hub.session.MAX_PENDING", 10)
    topics = [f"g:user.{number}" for number in range(30)]
    process, sender = FollowingProcess(), follower(hub)
    process.connect(hub)
    for topic in topics:
        process.client.follow(topic)
        exchange_all(process)
    process.connect(hub)
    exchange_all(process)
    sender.append(b"hello", topics[-1])
    exchange_all(sender, process)
    assert process.recorder.told[topics[-1]] == [b"hello"]


async def test_who_reads_no_logs_is_cut_off(hub: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs count among what a process leaves unhandled: it can't fill the hub's memory."""
    monkeypatch.setattr("channels_bridge.groups.grpc.hub.session.MAX_PENDING_BYTES", 10_000)
    process = follower(hub)
    process.append(bytes(3000))
    exchange_all(process)
    for _ in range(4):
        assert process.is_connected
        process.client.follow(TOPIC)
        process.client.read(TOPIC, Reading())
        process.write()
    assert not process.is_connected


async def test_asked_again(hub: Exchange) -> None:
    """Asking again brings what isn't there yet, and nothing twice."""
    sender, receiver = follower(hub), follower(hub)
    sender.append(b"1")
    sender.write()
    request = receiver.client.follow(TOPIC)
    receiver.write()
    sender.append(b"2")
    exchange_all(sender, receiver)
    assert request.answer.result()
    assert receiver.told == [b"1", b"2"]
    assert receiver.recorder.excerpts == {TOPIC: 2}
    assert receiver.recorder.wholes == {TOPIC: 1}


async def test_left_and_followed_again(hub: Exchange) -> None:
    """Of a topic that is left and followed again at once the last log counts, and no other."""
    sender, receiver = follower(hub), follower(hub)
    for number in range(3):
        sender.append(b"%d" % number)
        sender.write()
        receiver.client.follow(TOPIC)  # its answer is on its way when the topic is left
        receiver.write()
        receiver.client.unfollow(TOPIC)
        receiver.recorder.forget(TOPIC)
        request = receiver.client.follow(TOPIC)
        exchange_all(sender, receiver)
        assert request.answer.result()
        kept = [entry.payload for entry in receiver.recorder.kept[TOPIC]]
        assert kept == [b"%d" % n for n in range(number + 1)]


async def test_unfollow(hub: Exchange) -> None:
    """Who has left a topic gets nothing of it."""
    sender, receiver = follower(hub), follower(hub)
    request = receiver.client.follow(TOPIC)
    receiver.client.unfollow(TOPIC)
    assert request.answer.done()
    sender.append(b"1")
    exchange_all(receiver, sender)
    assert receiver.told == []


async def test_follow_while_away(hub: Exchange) -> None:
    """What is followed without a stream is there once there is one."""
    sender = follower(hub)
    sender.append(b"1")
    exchange_all(sender)
    process = FollowingProcess()
    request = process.client.follow(TOPIC)
    process.connect(hub)
    assert not request.answer.done()
    exchange_all(process)
    assert request.answer.result()
    assert process.told == [b"1"]
    assert process.recorder.excerpts == {TOPIC: 1}


async def test_abandoned_message(hub: Exchange) -> None:
    """One that nobody waits for any more may be numbered already: its followers here get it."""
    process = follower(hub)
    process.append(b"1")
    process.client.abandon(process.append(b"2"))
    process.append(b"3")
    exchange_all(process)
    assert process.told == [b"1", b"2", b"3"]


async def test_abandoned_message_is_not_sent_later(hub: Exchange) -> None:
    """Whoever was told that it failed may send it anew: it doesn't come twice."""
    process = follower(hub)
    process.lose()
    abandoned = process.append(b"1")
    process.client.abandon(abandoned)
    process.connect(hub)
    process.append(b"2")
    exchange_all(process)
    assert process.told == [b"2"]
    assert process.client.statistics().unacknowledged == 0


async def test_clear(hub: Exchange) -> None:
    """Clearing forgets the logs; who follows begins anew, in another epoch."""
    first, second = follower(hub), follower(hub)
    first.append(b"1")
    exchange_all(first, second)
    before = second.recorder.position(TOPIC)
    first.client.request(wire.Clear())
    first.append(b"2")
    exchange_all(first, second)
    for process in (first, second):
        assert [(e.offset, e.payload) for e in process.recorder.kept[TOPIC]] == [(1, b"2")]
        assert process.recorder.wholes == {TOPIC: 2}
    after = second.recorder.position(TOPIC)
    assert before is not None and after is not None
    assert before.epoch != after.epoch


async def test_figures(hub: Exchange) -> None:
    """The hub says how much it keeps, and how often it was asked for a log."""
    process = follower(hub)
    process.append(b"1")
    process.client.follow(TOPIC)
    process.client.read(TOPIC, Reading())
    exchange_all(process)
    process.connect(hub)
    exchange_all(process)
    figures = hub.history_figures()
    assert (figures["groups"], figures["messages"], figures["follows"]) == (1, 1, 2)
    assert figures["bytes"] > 1
    assert (figures["evictions"], figures["file_bytes"], figures["is_on_disk"]) == (0, 0, False)


async def test_eviction_is_said(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Where messages go before their time the log says so, once in a while, and what to do."""
    hub = Exchange(is_first=True, chronicle=make_chronicle(max_bytes=10_000))
    process = follower(hub)
    for number in range(30):
        process.append(bytes(1000), f"g:{number}")
        exchange_all(process)
        hub.tick()
    assert hub.history_figures()["evictions"] > 20
    assert hub.history_figures()["bytes"] <= 10_000
    (record,) = caplog.records
    assert "before their time" in record.getMessage()
    assert "raise it" in record.getMessage()


async def test_reading_while_the_stream_breaks(hub: Exchange) -> None:
    """A log that is read comes on the next stream, if it didn't on this."""
    process, reading = follower(hub), Reading()
    process.append(b"1")
    exchange_all(process)
    request = process.client.read(TOPIC, reading)
    process.write()
    process._outbox.take_nowait()  # the answer
    process.connect(hub)
    exchange_all(process)
    assert request.answer.result()
    assert reading.excerpt is not None
    assert [entry.payload for entry in reading.excerpt.entries] == [b"1"]


async def test_queues_get_it(hub: Exchange) -> None:
    """A queue that is bound to the topic gets its messages, too."""
    process = follower(hub)
    process.client.request(wire.Bind(topic=TOPIC, queue="work", capacity=9, expiry=60, lifetime=60))
    process.append(b"1")
    exchange_all(process)
    pull = process.client.pull("work")
    exchange_all(process)
    assert pull.item.result() == b"1"


# Hubs that end.


class Journal:
    """What hubs have written down."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def chronicle(self) -> Chronicle:
        """That of a hub that goes on with it."""
        chronicle, moment = make_chronicle(), Moment(time.monotonic(), time.time(), "boot")
        chronicle.restore(self.records, moment)
        chronicle.begin(moment, self.records.append)
        return chronicle


async def test_hub_is_replaced_with_its_journal() -> None:
    """A new hub goes on where its predecessor was: nothing is missing, nothing comes twice."""
    journal = Journal()
    hub = Exchange(is_first=True, chronicle=journal.chronicle())
    sender, receiver = follower(hub), follower(hub)
    sender.append(b"1")
    exchange_all(sender, receiver)
    lost = sender.append(b"2")  # which nobody is told of any more
    sender.write()
    sender._outbox.take_nowait()
    successor = Exchange(is_first=False, roster={}, chronicle=journal.chronicle())
    for process in (receiver, sender):
        process.connect(successor)
    sender.append(b"3")
    exchange_all(sender, receiver)
    assert lost.answer.result()
    assert sender.told == receiver.told == [b"1", b"2", b"3"]
    assert receiver.recorder.wholes == sender.recorder.wholes == {TOPIC: 1}


async def test_hub_is_replaced_without_its_journal() -> None:
    """Then who follows begins anew, and nobody takes what the new hub numbers for the old."""
    hub = Exchange(is_first=True)
    sender, receiver = follower(hub), follower(hub)
    for _ in range(3):
        sender.append(b"before")
    exchange_all(sender, receiver)
    successor = Exchange(is_first=False, roster={})
    for process in (receiver, sender):
        process.connect(successor)
    sender.append(b"after")
    exchange_all(sender, receiver)
    for process in (sender, receiver):
        assert process.recorder.wholes == {TOPIC: 2}
        assert [(e.offset, e.payload) for e in process.recorder.kept[TOPIC]] == [(1, b"after")]


async def test_what_is_not_kept_comes_once() -> None:
    """A new hub that knows nothing of it numbers it again: who has had it leaves it out."""
    journal = Journal()
    hub = Exchange(is_first=True, chronicle=journal.chronicle())
    sender, receiver = follower(hub), follower(hub)
    sender.append(b"typing", kept=False)
    sender.write()
    receiver.read()
    sender._outbox.take_nowait()  # the answer
    successor = Exchange(is_first=False, roster={}, chronicle=journal.chronicle())
    for process in (sender, receiver):
        process.connect(successor)
    exchange_all(sender, receiver)
    assert sender.told == receiver.told == [b"typing"]


async def test_what_is_not_kept_is_answered_twice() -> None:
    """Sent again on each new stream, it is answered as often, and told once.

    That hub waits for leases of the one before.
    """
    hub = Exchange(is_first=False, roster={})
    sender = follower(hub)
    sender.append(b"typing", kept=False)
    sender.write()
    sender._outbox.take_nowait()  # the answer
    for _ in range(2):
        sender.connect(hub)
    exchange_all(sender)
    assert sender.told == []
    session, _ = sender.stream
    assert session is not None
    session.catch_up(inf)
    session.flush_answers()
    exchange_all(sender)
    assert sender.told == [b"typing"]


async def test_history_is_held_for_nobody() -> None:
    """A new hub numbers at once, while other messages wait for processes that come back."""
    hub = Exchange(is_first=False, roster={b"somebody": ""})
    sender, receiver = follower(hub), follower(hub)
    request = sender.append(b"1")
    ordinary = sender.client.request(wire.Publish(topic="g:ordinary"))
    exchange_all(sender, receiver)
    assert request.answer.result()
    assert not ordinary.answer.done()
    assert receiver.told == [b"1"]


# Other releases.


async def test_process_of_an_earlier_release(hub: Exchange) -> None:
    """It gets messages of a log as any others, also again; what it sends reaches who follows."""
    old, new = Process(), follower(hub)
    old.connect(hub)
    old.client.subscribe(TOPIC)
    exchange_all(old)
    new.append(b"1")
    new.write()
    old._outbox.take_nowait()  # lost with its stream
    old.connect(hub)
    old.publish(TOPIC, b"old")
    exchange_all(new, old)
    assert old.received == [b"1"]
    assert new.told == [b"1"]
    assert new.received == [b"old"]


async def test_quiet_process_of_an_earlier_release(hub: Exchange) -> None:
    """One that was silent as nobody listened speaks again when somebody follows."""
    old = Process()
    old.connect(hub)
    old.publish(TOPIC, b"unheard")
    exchange_all(old)
    assert old.publish(TOPIC, b"unheard") is None
    new = follower(hub)
    exchange_all(old)
    assert old.publish(TOPIC, b"old") is not None
    exchange_all(old, new)
    assert new.received == [b"old"]


@pytest.fixture
def earlier_hub(hub: Exchange, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """A hub of an earlier release: it knows no Follow, and no history in Publish and Hello."""
    monkeypatch.setattr(exchange, "FEATURES", ())
    del hub._requests["follow"]
    hub._others["follow"] = lambda session, follow: hub._later(session, 15)
    publish, take_over = hub._publish, hub._take_over

    def publish_without(session: object, kind: wire.Publish) -> bool | None:
        kind.ClearField("history")
        return publish(session, kind)

    def take_over_without(session: object, hello: wire.Hello) -> None:
        hello.ClearField("followed")
        take_over(session, hello)

    hub._requests["publish"] = publish_without
    monkeypatch.setattr(hub, "_take_over", take_over_without)
    return hub


async def test_hub_of_an_earlier_release(
    earlier_hub: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    """Without history messages go the old way; that is said once, with what to do."""
    with caplog.at_level(logging.ERROR):
        processes = [follower(earlier_hub) for _ in range(2)]
        for process in processes:
            assert not process.client.keeps_history
            assert process.recorder.excerpts == {TOPIC: 1}
            process.connect(earlier_hub)
            exchange_all(process)
        first, second = processes
        request = first.append(b"1")
        exchange_all(*processes)
        late = second.client.follow("g:late")
        exchange_all(*processes)
        first.append(b"2", "g:late")
        exchange_all(*processes)
    assert request.answer.result() and late.answer.result()
    assert first.told == [b"1"]
    assert second.received == [b"1", b"2"]
    told = [r.getMessage() for r in caplog.records if "keeps no history" in r.getMessage()]
    assert len(told) == 2  # one of each process
    assert "until the hub is restarted with the release of its processes" in told[0]


async def test_sent_before_the_hub_was_known(earlier_hub: Exchange) -> None:
    """What was sent before the hub has said what it can is given to this process' members."""
    process, other = FollowingProcess(), Process()
    other.connect(earlier_hub)
    other.client.subscribe(TOPIC)
    exchange_all(other)
    process.client.follow(TOPIC)
    request = process.append(b"1")
    process.connect(earlier_hub)
    exchange_all(process, other)
    assert request.answer.result()
    assert process.told == other.received == [b"1"]


async def test_hub_is_upgraded(earlier_hub: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the hub is of this release, what is followed is followed, also what was asked late."""
    process = follower(earlier_hub)
    monkeypatch.setattr(exchange, "FEATURES", (log_codec.FEATURE,))
    successor = Exchange(is_first=True)
    process.client.disconnected()
    batch = process.client.connected().take_nowait()
    late = process.client.follow("g:late")  # before it is welcome there
    (_, hello), *_ = frame_codec.parse(batch)
    process._exchange = successor
    process._session = successor.join(hello, process._outbox)
    exchange_all(process)
    for topic in (TOPIC, "g:late"):
        process.append(b"1", topic)
    exchange_all(process)
    assert late.answer.result()
    for topic in (TOPIC, "g:late"):
        assert [entry.payload for entry in process.recorder.kept[topic]] == [b"1"]


# Alone.


async def test_alone() -> None:
    """Where no hub is, who follows begins with nothing, and gets what was queued and what comes."""
    process = FollowingProcess()
    request = process.client.follow(TOPIC)
    queued = process.append(b"1")
    process.client.settle_alone(ConnectionError())
    assert request.answer.result() and queued.answer.result()
    process.client.append_alone(TOPIC, b"2")
    assert process.told == [b"1", b"2"]
    assert process.recorder.kept[TOPIC] == []


async def test_alone_beside_the_history_of_a_hub(hub: Exchange) -> None:
    """What is to be kept waits for the hub that goes on with it; nothing else does."""
    process = FollowingProcess()
    process.client.follow(TOPIC)
    kept, passing = process.append(b"1"), process.append(b"2", kept=False)
    abandoned = process.append(b"3")
    process.client.abandon(abandoned)
    process.client.is_continued = True
    assert process.client.settle_alone(ConnectionError()) == 1
    assert passing.answer.result()
    assert not kept.answer.done()
    assert process.told == [b"2"]
    process.connect(hub)
    exchange_all(process)
    assert kept.answer.result()
    assert process.told == [b"2", b"1"]
    assert [entry.payload for entry in process.recorder.kept[TOPIC]] == [b"1"]


@pytest.mark.parametrize(
    ("history", "bounds"),
    [
        (wire.History(messages=0, seconds=-1), Bounds(1, 0)),
        (wire.History(messages=2**32 - 1, seconds=float("nan")), Bounds(2**32 - 1, 0)),
        (wire.History(seconds=float("inf")), Bounds(1, log_codec.MAX_SECONDS)),
        (wire.History(messages=BOUNDS.messages, seconds=BOUNDS.seconds), BOUNDS),
    ],
)
def test_bounds_that_cannot_be_meant(history: wire.History, bounds: Bounds) -> None:
    """Whatever a process says, a log has bounds."""
    assert log_codec.bounds_of(history.messages, history.seconds) == bounds


async def test_written_before_it_is_told(hub: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes behind it in its batch, a message is written before anybody can read of it."""
    committed: list[int] = []
    process = follower(hub)
    monkeypatch.setattr(NoJournal, "commit", lambda self: committed.append(len(process._outbox)))
    process.append(b"1")
    batch = process.client.outbox.take_nowait()
    monkeypatch.setitem(hub._others, "taken", None)  # a frame whose handling fails
    with pytest.raises(TypeError):
        hub.receive(*process.stream, batch + frame_codec.encode(wire.Taken()))
    assert committed == [0]
    process.read()
    assert process.told == [b"1"]
