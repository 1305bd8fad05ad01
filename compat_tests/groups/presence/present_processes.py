"""Processes at a hub that say who is connected to them, without a network between."""

from __future__ import annotations

import random
from collections.abc import Mapping

import msgpack

from channels_bridge.groups.grpc.hub import exchange as exchange_module
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.recovery import PATIENCE
from channels_bridge.groups.grpc.process.client import Client
from channels_bridge.groups.grpc.process.presence_client import PresenceClient
from channels_bridge.groups.presence.presence_transport import RollWatcher
from channels_bridge.groups.presence.roll import RollChange, Terms
from channels_bridge.groups.presence.roll_replica import RollReplica
from compat_tests.groups.sessions import Clock, Process

TOPIC = "g:room"
LINGER = 10.0
TERMS = Terms(linger=LINGER, limit=100, queue="presence", capacity=10_000, expiry=1e9)
KEYS = "abcde"

#: Within how many seconds all are told of a change, whatever fails.
TOLD_WITHIN = 5.0


class Watcher(RollWatcher):
    """Keeps a replica, and notes what members are told.

    Attributes:
        told: whom they know to be there.
        changes: all that they were told.
    """

    def __init__(self, clock: Clock) -> None:
        self.replica = RollReplica()
        self.told: set[str] = set()
        self.changes: list[RollChange] = []
        self._clock = clock
        self._checked = 0

    def on_roll(self, topic: str, roll: RollChange) -> None:
        change = self.replica.apply(roll, self._clock.now)
        assert not self.replica.missed
        if change is None:
            return
        self.changes.append(change)
        if change.is_whole:
            self.told.clear()
        self.told.update(change.came)
        self.told.difference_update(change.gone)

    def last_roll(self, topic: str) -> Mapping[str, bytes]:
        return self.replica.infos()

    def gone_since_check(self) -> set[str]:
        """The keys that have gone since this was asked for last."""
        unchecked, self._checked = self.changes[self._checked :], len(self.changes)
        return {key for change in unchecked for key in change.gone}


class PresentProcess(Process):
    """One that has users, and watches who has in all."""

    client: PresenceClient

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.users: set[str] = set()
        self.watcher = Watcher(clock)
        self.client.watcher = self.watcher
        self.client.watch(TOPIC, TERMS)
        self.client.subscribe(TOPIC)

    def _make_client(self) -> Client:
        return PresenceClient(self._deliver)

    def enter(self, key: str) -> None:
        """A user comes."""
        self.users.add(key)
        self.client.present(TOPIC, key, b'"%s"' % key.encode(), TERMS)

    def leave(self, key: str) -> None:
        """A user goes."""
        self.users.discard(key)
        self.client.absent(TOPIC, key)


class HubWorld:
    """Processes and hubs that come and go, and a clock.

    Args:
        away: how long processes may be without a stream, in seconds. When that is longer than a hub
            waits for them, others may believe that their users have gone.
    """

    def __init__(
        self, clock: Clock, seed: int = 0, *, processes: int = 2, away: float = 2.0
    ) -> None:
        self.away = away
        self.clock = clock
        self.random = random.Random(seed)
        self.hub = Exchange(is_first=True)
        self.processes = [PresentProcess(clock) for _ in range(processes)]
        self.last_seen: dict[str, float] = {}  # of keys
        self._returned: dict[str, float] = {}  # when, after they had been away for long
        self.news: list[tuple[str, str]] = []
        self._together_at = clock.now
        for process in self.processes:
            process.connect(self.hub)
        self.pass_time(2)

    @property
    def truth(self) -> set[str]:
        """Who has a connection."""
        return set().union(*(process.users for process in self.processes))

    def replace_hub(self) -> None:
        """The hub is killed, and another one knows from its file who was there."""
        for process in self.processes:
            process.lose()
        self.take_news()
        self.hub = Exchange(is_first=False, roster=dict(self.hub._roster))

    def kill(self, process: PresentProcess) -> None:
        """A process ends without a word."""
        process.lose()
        self.processes.remove(process)

    def pass_time(self, seconds: float, *, together: bool = True) -> None:
        """Let it pass; those without a stream come back, unless the test does that."""
        for _ in range(int(seconds * 4)):
            if together or self.clock.now - self._together_at > self.away:
                self.reconnect_all()
            self.talk()
            self._see()
            self.clock.now += 0.25
            self.hub.tick()
            self.talk()
            if self.away < exchange_module.GRACE:
                self.check_nobody_left_early()

    def reconnect_all(self) -> None:
        """Whoever has no stream gets one."""
        self._together_at = self.clock.now
        for process in self.processes:
            if not process.is_connected:
                process.connect(self.hub)

    def talk(self) -> None:
        """Let all who can write and read do so."""
        for _ in range(4):
            for process in self.processes:
                process.write()
                process.read()

    def _see(self) -> None:
        for key in self.truth:
            if self.clock.now - self.last_seen.get(key, 0) > LINGER - TOLD_WITHIN:
                self._returned[key] = self.clock.now
            self.last_seen[key] = self.clock.now

    def check_nobody_left_early(self) -> None:
        """Whom members believe to be gone has been away for a while, or was until just now."""
        now = self.clock.now
        lingering = {
            key
            for key, at in self.last_seen.items()
            if now - at < LINGER - 0.5 and now - self._returned[key] > TOLD_WITHIN
        }
        for process in self.processes:
            wrong = lingering.intersection(process.watcher.gone_since_check())
            assert not wrong, f"{wrong} have gone too early"

    def check(self) -> None:
        """After the longest that anything may take, all know the truth."""
        self.pass_time(PATIENCE + exchange_module.GRACE + LINGER + 3)
        for process in self.processes:
            assert process.watcher.told == self.truth
        self.take_news()

    def take_news(self) -> None:
        """What was pushed to the queue."""
        items: list[bytes] = []

        def take(item: object) -> bool:
            items.append(item.payload)  # type: ignore[attr-defined]
            return True

        while True:
            before = len(items)
            self.hub._queues.pull("presence", take)
            if len(items) == before:
                self.hub._queues.withdraw("presence", take)
                break
        for payload in items:
            event = msgpack.unpackb(payload)
            assert event["group"] == "room"
            assert event["info"] == event["key"]
            self.news.append((event["type"], event["key"]))
