"""Processes that follow topics, and what they have of them."""

from __future__ import annotations

from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.process.client import Client, Request
from channels_bridge.groups.grpc.process.history_client import HistoryClient
from channels_bridge.groups.history.position import Bounds, Entry, Excerpt, Position
from channels_bridge.groups.history_transport import Follower, HistoryTransport
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.hubs import until
from compat_tests.groups.sessions import Process, exchange_all
from compat_tests.groups.transport_peer import Peer

TOPIC = "g:room"
BOUNDS = Bounds(100, 300.0)


class Recorder(Follower):
    """Takes what comes, as a replica does, and fails where it isn't what comes next.

    Attributes:
        told: payloads by topic, in the order in which members would get them.
        kept: the entries by topic that replicas have.
        wholes: how many excerpts took the place of all there was, by topic.
        excerpts: how many came, by topic.
        entries: all that came as entries, with their topics.
    """

    def __init__(self) -> None:
        self.told: dict[str, list[bytes]] = {}
        self.kept: dict[str, list[Entry]] = {}
        self.wholes: dict[str, int] = {}
        self.excerpts: dict[str, int] = {}
        self.entries: list[tuple[str, Entry]] = []
        self._positions: dict[str, Position] = {}

    def position(self, topic: str) -> Position | None:
        return self._positions.get(topic)

    def on_excerpt(self, topic: str, excerpt: Excerpt) -> None:
        self.excerpts[topic] = self.excerpts.get(topic, 0) + 1
        if excerpt.is_whole:
            self.wholes[topic] = self.wholes.get(topic, 0) + 1
            self.kept[topic] = []
            run = next(run for run in excerpt.runs if run.last >= excerpt.floor or not run.last)
            self._positions[topic] = Position(run.epoch, excerpt.floor)
        for entry in excerpt.entries:
            self._take(topic, entry)

    def on_entry(self, topic: str, entry: Entry) -> None:
        self.entries.append((topic, entry))
        if entry.offset:
            self._take(topic, entry)
        else:
            self.told.setdefault(topic, []).append(entry.payload)

    def _take(self, topic: str, entry: Entry) -> None:
        assert entry.offset == self._positions[topic].offset + 1, (topic, entry)
        self._positions[topic] = entry.position
        self.kept[topic].append(entry)
        self.told.setdefault(topic, []).append(entry.payload)

    def forget(self, topic: str) -> None:
        """Have nothing of a topic any more, as who has unfollowed it."""
        self._positions.pop(topic, None)
        self.kept.pop(topic, None)


class FollowingProcess(Process):
    """A client that follows, with a stream to a hub and no network between."""

    client: HistoryClient

    def __init__(self) -> None:
        super().__init__()
        self.recorder = Recorder()
        self.client.follower = self.recorder

    def _make_client(self) -> Client:
        return HistoryClient(self._deliver)

    @property
    def told(self) -> list[bytes]:
        """What its members were told in the topic."""
        return self.recorder.told.get(TOPIC, [])

    def append(self, payload: bytes, topic: str = TOPIC, *, kept: bool = True) -> Request:
        return self.client.append(topic, payload, BOUNDS, kept=kept)


def follower(hub: Exchange, *topics: str) -> FollowingProcess:
    """A process that follows topics at a hub."""
    process = FollowingProcess()
    process.connect(hub)
    for topic in topics or (TOPIC,):
        process.client.follow(topic)
    exchange_all(process)
    return process


def make_old(process: FollowingProcess) -> None:
    """Have a process say what one says that can't read joined frames."""
    hello = process.client._hello

    def hello_before() -> wire.Hello:
        said = hello()
        said.ClearField("features")
        return said

    process.client._hello = hello_before  # type: ignore[method-assign]


class FollowingPeer(Peer):
    """Records what a transport delivers, and what it follows."""

    transport: HistoryTransport

    def __init__(self, transport: HistoryTransport) -> None:
        super().__init__(transport)
        self.recorder = Recorder()
        transport.start_following(self.recorder)

    @property
    def told(self) -> list[bytes]:
        """What its members were told in the topic."""
        return self.recorder.told.get(TOPIC, [])

    async def append(self, payload: bytes, topic: str = TOPIC, *, kept: bool = True) -> None:
        await self.transport.append(topic, payload, BOUNDS, kept=kept)

    async def has_been_told(self, *payloads: bytes) -> None:
        """Wait for as many payloads, and require that these were they."""
        await until(lambda: len(self.told) >= len(payloads))
        assert self.told == list(payloads)
