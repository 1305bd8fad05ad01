"""Processes append, read and lose streams and hubs at random: nothing is lost, doubled or moved."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import inf
from random import Random

import pytest

from channels_bridge.groups.grpc import log_codec
from channels_bridge.groups.grpc.hub import exchange
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.sequencer import make_chronicle
from channels_bridge.groups.grpc.process import history_client
from channels_bridge.groups.history.journal_records import Moment, Record, encode, read_all
from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.following_processes import FollowingProcess, make_old
from compat_tests.groups.sessions import exchange_all

TOPICS = ("g:a", "g:b", "g:c")
ALL = Bounds(100_000, 3000.0)
STEPS = 300


@dataclass
class Place:
    """A hub, the journal that it and its successors write, and three processes.

    Attributes:
        kept: the messages that were appended to be kept, by topic, by sender.
    """

    random: Random
    journal: list[Record] = field(default_factory=list)
    processes: list[FollowingProcess] = field(default_factory=list)
    kept: dict[tuple[str, int], list[bytes]] = field(default_factory=dict)
    appended: int = 0

    def start(self) -> None:
        """Begin; one of the processes may be of an earlier release."""
        self.hub = self.make_hub(is_first=True)
        old = self.random.randrange(6)
        for number in range(3):
            process = FollowingProcess()
            if number == old:
                make_old(process)
            process.connect(self.hub)
            for topic in TOPICS:
                process.client.follow(topic)
            self.processes.append(process)
        exchange_all(*self.processes)

    def make_hub(self, *, is_first: bool) -> Exchange:
        """Make a hub that goes on with the journal."""
        chronicle, moment = make_chronicle(), Moment(time.monotonic(), time.time(), "boot")
        chronicle.restore(read_all(b"".join(map(encode, self.journal))).records, moment)
        chronicle.begin(moment, self.journal.append)
        return Exchange(is_first=is_first, roster=None if is_first else {}, chronicle=chronicle)

    def step(self) -> None:
        """Do one thing or another."""
        number = self.random.randrange(3)
        process = self.processes[number]
        (what,) = self.random.choices(
            [self.append, self.write, self.read, self.reconnect, self.follow_anew, self.restart],
            weights=[55, 17, 18, 5, 2, 3],
        )
        what(number, process)

    def append(self, number: int, process: FollowingProcess) -> None:
        for _ in range(self.random.choice([1, 1, 2, 5, 12])):
            self.appended += 1
            topic, payload = self.random.choice(TOPICS), b"%d" % self.appended
            kept = self.random.random() < 0.85
            process.client.append(topic, payload, ALL, kept=kept)
            if kept:
                self.kept.setdefault((topic, number), []).append(payload)
            if self.random.random() < 0.03:  # what breaks a frame
                process.client.request(wire.Publish(topic="g:other"))

    def write(self, _: int, process: FollowingProcess) -> None:
        process.write()

    def read(self, _: int, process: FollowingProcess) -> None:
        process.read()

    def reconnect(self, _: int, process: FollowingProcess) -> None:
        """What is on its way to the hub is lost, and what comes from there perhaps."""
        if self.random.random() < 0.5:
            process._outbox.take_nowait()
            process._on_its_way.clear()
        process.connect(self.hub)

    def follow_anew(self, _: int, process: FollowingProcess) -> None:
        topic = self.random.choice(TOPICS)
        process.client.unfollow(topic)
        process.recorder.forget(topic)
        process.client.follow(topic)

    def restart(self, number: int, process: FollowingProcess) -> None:
        self.hub = self.make_hub(is_first=False)
        for each in self.processes:
            self.reconnect(number, each)

    def settle(self) -> None:
        """Let all hear all, also what the hub holds back for leases of the one before."""
        exchange_all(*self.processes)
        for process in self.processes:
            session, _ = process.stream
            assert session is not None
            session.catch_up(inf)
            session.flush_answers()
        exchange_all(*self.processes)


@pytest.mark.parametrize("seed", range(12))
async def test_at_random(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All have one log, in which each sender's messages are in order, and each once."""
    random = Random(seed)
    monkeypatch.setattr(history_client, "BATCH_SIZE", random.choice([200, 2000, 131072]))
    if seed % 4 == 3:  # a hub that reads no joined frames
        features = (log_codec.FEATURE,)
        monkeypatch.setattr(exchange, "FEATURES", features)
    place = Place(random)
    place.start()
    for _ in range(STEPS):
        place.step()
    place.settle()
    for process in place.processes:
        assert process.client.is_idle
        unkept = [entry.payload for _, entry in process.recorder.entries if not entry.offset]
        assert len(unkept) == len(set(unkept))
    for topic in TOPICS:
        first, *others = [
            [entry.payload for entry in process.recorder.kept[topic]] for process in place.processes
        ]
        assert others == [first, first]
        sent = [place.kept.get((topic, number), []) for number in range(3)]
        assert sorted(first, key=int) == sorted(sum(sent, []), key=int)
        for own in sent:
            assert [payload for payload in first if payload in set(own)] == own
