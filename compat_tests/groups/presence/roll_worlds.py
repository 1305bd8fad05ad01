"""Worlds in which processes, connections and time do as they like, and the truth about them."""

from __future__ import annotations

import random
from collections import Counter

from channels_bridge.groups.presence.attendance import Attendance, News
from channels_bridge.groups.presence.presence_table import PresenceTable
from channels_bridge.groups.presence.roll import RollChange, Terms
from channels_bridge.groups.presence.roll_replica import RollReplica
from channels_bridge.groups.presence.topic_roll import INTERVAL

LINGER = 10.0
STEP = 0.25
GROUPS = ("red", "blue")
KEYS = "abcdefg"


class Process:
    """One that has connections, and may watch."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.table = PresenceTable()
        self.replicas: dict[str, RollReplica] = {}
        self.members: dict[str, dict[str, str]] = {}  # group -> channel -> key
        self.told: dict[str, set[str] | int] = {}  # what a member has made of changes


class World:
    """Some processes, and what they and the clock do to an attendance."""

    def __init__(self, seed: int, limit: int = 4) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.terms = Terms(linger=LINGER, limit=limit, queue="presence", capacity=100, expiry=60)
        self.news: list[News] = []
        self.attendance: Attendance[Process] = Attendance(self.news.append)
        self.processes = [Process(str(number)) for number in range(3)]
        self.last_seen: dict[tuple[str, str], float] = {}  # of keys without a connection
        self._channels = 0

    def truth(self, group: str) -> set[str]:
        """Who must be listed."""
        present = {k for p in self.processes for k in p.members.get(group, {}).values()}
        lingering = {
            key
            for (seen_in, key), at in self.last_seen.items()
            if seen_in == group and self.now < at + LINGER
        }
        return present | lingering

    def step(self) -> None:
        """Let one thing happen."""
        process, group = self.random.choice(self.processes), self.random.choice(GROUPS)
        act = self.random.choice([self.enter, self.enter, self.leave, self.watch, self.wait])
        act(process, group)
        if self.random.random() < 0.03:
            self.kill(process)

    def enter(self, process: Process, group: str) -> None:
        """A connection comes, in one process or another."""
        self._channels += 1
        channel, key = str(self._channels), self.random.choice(KEYS)
        info = self.random.choice([b"1", b"2"])
        entrance = process.table.enter(group, channel, key, info)
        process.members.setdefault(group, {})[channel] = key
        assert entrance.gone is None
        if entrance.came is not None:
            arguments = (process, group, key, info, self.terms, self.now)
            assert self.attendance.enter(*arguments)

    def leave(self, process: Process, group: str) -> None:
        """One goes."""
        members = process.members.get(group)
        if members:
            channel = self.random.choice(list(members))
            key = members.pop(channel)
            gone = process.table.leave(group, channel)
            assert gone == (None if key in members.values() else key)
            self._note_unseen(group, key)
            if gone is not None:
                self.attendance.leave(process, group, gone, self.now)

    def kill(self, process: Process) -> None:
        """A process ends, and another one takes its place."""
        self.processes[self.processes.index(process)] = Process(process.name)
        for group, members in process.members.items():
            for key in members.values():
                self._note_unseen(group, key)
        self.attendance.forget(process, self.now)

    def watch(self, process: Process, group: str) -> None:
        """A process begins or ends to watch."""
        if group in process.replicas and self.random.random() < 0.7:
            del process.replicas[group], process.told[group]
            self.attendance.unwatch(process, group)
        else:
            replica = process.replicas.setdefault(group, RollReplica())
            self.tell(process, replica, group, self.attendance.watch(process, group, self.now))

    def wait(self, process: Process, group: str) -> None:
        """Time passes."""
        for _ in range(self.random.choice([1, 1, 2, 5, 50])):
            self.pass_time()

    def pass_time(self) -> bool:
        """A moment passes, and those who watch are told what is due. Returns whether that was any.

        Whoever leaves in that moment may have to wait to be told of.
        """
        before = self.attendance.keys
        self.now += STEP
        tellings = self.attendance.pass_time(self.now)
        for topic, change, watchers in tellings:
            for process in watchers:
                self.tell(process, process.replicas[topic], topic, change)
        return bool(tellings) or self.attendance.keys != before

    def tell(self, process: Process, replica: RollReplica, group: str, change: RollChange) -> None:
        """A process passes on to a member what it was told."""
        news = replica.apply(change, self.now)
        assert not replica.missed
        if news is None:
            return
        if news.is_whole:
            process.told[group] = news.count if news.is_counted else set(news.came)
            return
        told = process.told[group]
        assert isinstance(told, set)
        assert told.issuperset(news.gone)
        told.difference_update(news.gone)
        told.update(news.came)

    def settle(self) -> None:
        """Nothing happens until all is told that there is to tell."""
        quiet = 0
        while quiet * STEP <= INTERVAL:
            quiet = 0 if self.pass_time() else quiet + 1

    def check(self) -> None:
        """What is listed, and was told, is the truth."""
        for group in GROUPS:
            assert set(self.attendance.roll(group, self.now)) == self.truth(group)
            news = Counter[str]()
            for item in self.news:
                if item.topic == group:
                    news[item.key] += 1 if item.has_come else -1
                    assert news[item.key] in (0, 1), f"{item.key} comes or goes twice"
            assert {key for key, count in news.items() if count} == self.truth(group)

    def check_watchers(self) -> None:
        """After a while those who watch know it, too."""
        for process in self.processes:
            for group, told in process.told.items():
                truth = self.truth(group)
                assert process.replicas[group].count == len(truth)
                assert told == (len(truth) if len(truth) > self.terms.limit else truth)

    def _note_unseen(self, group: str, key: str) -> None:
        if not any(key in process.members.get(group, {}).values() for process in self.processes):
            self.last_seen[group, key] = self.now
