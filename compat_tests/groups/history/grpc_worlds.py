"""Random worlds in which hub and workers speak as they do over gRPC: all of it but the network."""

from __future__ import annotations

from channels_bridge.groups.codec import Codec
from channels_bridge.groups.following.following_membership import FollowingMembership
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.sequencer import Journal
from channels_bridge.groups.grpc.hub.session import Session
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.process.client import Request
from channels_bridge.groups.grpc.process.history_client import HistoryClient
from channels_bridge.groups.history.cursor import Cursor
from channels_bridge.groups.history.journal_records import Record, encode
from channels_bridge.groups.history.position import Entry, Excerpt, Position
from channels_bridge.groups.history.replica import Replica
from channels_bridge.groups.history_transport import Follower
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.history.facts import encode as encode_message
from compat_tests.groups.history.simulated_hub import SimulatedHub
from compat_tests.groups.history.simulated_worker import Worker
from compat_tests.groups.history.worlds import World
from compat_tests.groups.sessions import Clock


class GrpcWorld(World):
    """A world with the hub's exchange, and the clients of processes.

    Args:
        clock: that of all modules, as ``set_clock()`` returns it.
    """

    def __init__(self, seed: int, *, clock: Clock, is_bounded: bool, is_lossy: bool) -> None:
        self.clock = clock
        super().__init__(seed, is_bounded=is_bounded, is_lossy=is_lossy)

    @property
    def now(self) -> float:  # type: ignore[override]
        """The time."""
        return self.clock.now

    @now.setter
    def now(self, now: float) -> None:
        self.clock.now = now

    def new_hub(self, journal: bytes) -> GrpcHub:
        """A hub that finds this journal."""
        return GrpcHub(self, journal)

    def new_worker(self) -> GrpcWorker:
        """Another process."""
        self.worker_count += 1
        return GrpcWorker(self, b"worker %d" % self.worker_count)

    def wait(self) -> None:
        """A hub that has taken another's place waits for leases that it doesn't know to end."""
        self.now += 0.02
        self.hub.sweep()

    def clear(self) -> None:
        """Somebody calls ``flush()``."""
        worker = self.random.choice(self.workers)
        assert isinstance(worker, GrpcWorker)
        worker.client.request(wire.Clear())


class GrpcHub(SimulatedHub, Journal):
    """A hub: the exchange, with a journal that is written when the exchange says so."""

    size = 0
    is_on_disk = True

    def __init__(self, world: World, journal: bytes) -> None:
        self.notes: list[Record] = []
        super().__init__(world, journal)
        self.exchange = Exchange(is_first=False, roster={}, chronicle=self.chronicle, journal=self)
        self.exchange.tick()

    def write(self, record: Record) -> None:
        """Note a record."""
        self.notes.append(record)

    def commit(self) -> None:
        """Write what was noted."""
        for record in self.notes:
            self.journal += encode(record)
        self.notes.clear()

    async def look_after(self) -> None:
        """Do nothing: the world writes the journal anew."""

    def disconnect(self, worker: Worker) -> None:
        """A worker's stream ends, and it may be given up at once."""
        assert isinstance(worker, GrpcWorker)
        session = worker.session
        if session is None or worker.hub is not self:
            return
        if self.world.random.random() < 0.5:
            self.exchange.lost(session, worker.outbox)
        elif session.id in self.exchange.processes:
            self.exchange._cut_off(session, "of the world that it is in")

    def sweep(self) -> None:
        """Do what time has brought."""
        self.exchange.tick()


class GrpcWorker(Worker, Follower):
    """A process: the client of a transport over gRPC, which it follows."""

    def __init__(self, world: World, name: bytes) -> None:
        super().__init__(world, name)
        self.client = HistoryClient(lambda topic, payload: True)
        self.client.follower = self
        self.session: Session | None = None
        self.outbox = Outbox()  # the hub's
        self.questions: dict[int, Request] = {}
        self.membership = FollowingMembership(
            codec=Codec(1000), get_capacity=lambda channel: 100, expiry=60.0, group_expiry=86400.0
        )

    @property
    def exchange(self) -> Exchange:
        """That of the hub that it is connected to."""
        assert isinstance(self.hub, GrpcHub)
        return self.hub.exchange

    @property
    def is_linked(self) -> bool:
        """Whether it has a stream to the hub that there is."""
        if self.session is None or self.hub is not self.world.hub:
            return False
        return self.session.outbox is self.outbox and not self.outbox.closed.is_set()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on the way."""
        if not self.is_linked or len(self.outbox) or self.client._requests:
            return False
        return self.client.outbox is not None and not len(self.client.outbox)

    def connect(self) -> None:
        """Connect to the hub that there is."""
        self.hub = self.world.hub
        self.client.disconnected()
        batch = self.client.connected().take_nowait()
        (_, hello), *_ = frame_codec.parse(batch)
        self.outbox = Outbox()
        self.session = self.exchange.join(hello, self.outbox)
        self.exchange.receive(self.session, self.outbox, batch)

    def publish(self, group: str, frames: int, kept: bool) -> None:
        """Send a message to a group."""
        message = encode_message(self.world.new_number(kept), frames)
        self.client.append(group, message, self.world.bounds, kept=kept)

    def ask(self, group: str) -> int:
        """Ask for a log."""
        self.asked += 1
        self.begin(group)
        self.questions[self.asked] = self.client.follow(group)
        return self.asked

    def is_answered(self, group: str, question: int) -> bool:
        """Whether the log that was asked for has come."""
        return self.questions[question].answer.done()

    def unfollow(self, group: str) -> None:
        """Tell the hub that a log isn't read any more."""
        self.client.unfollow(group)

    @property
    def up(self) -> Outbox | None:  # type: ignore[override]
        """What is to be sent."""
        return self.client.outbox

    @up.setter
    def up(self, up: object) -> None:
        pass

    @property
    def down(self) -> Outbox:  # type: ignore[override]
        """What the hub has sent."""
        return self.outbox

    @down.setter
    def down(self, down: object) -> None:
        pass

    def send(self) -> None:
        """Let the hub read a batch."""
        assert self.client.outbox is not None and self.session is not None
        if batch := self.client.outbox.take_nowait():
            self.exchange.receive(self.session, self.outbox, batch)

    def receive(self) -> None:
        """Read a batch of the hub's."""
        if batch := self.outbox.take_nowait():
            self.client.receive(batch)

    def deliver(self, replica: Replica[Cursor], entry: Entry) -> None:
        """Give an entry to all members here."""
        full = self.membership.deliver_entry(replica, entry)
        assert not full or entry.offset == 0, ("dropped", entry, full)

    # The follower.

    def position(self, topic: str) -> Position | None:
        """Where it is."""
        replica = self.replicas.get(topic)
        return replica.position if replica is not None else None

    def on_excerpt(self, topic: str, excerpt: Excerpt) -> None:
        """An excerpt of a log."""
        if topic in self.replicas:
            self.replicas[topic].take_excerpt(excerpt, self.world.now)
            assert not self.replicas[topic].is_broken, ("jump", excerpt)

    def on_entry(self, topic: str, entry: Entry) -> None:
        """The next message of a group."""
        if topic in self.replicas:
            assert self.replicas[topic].take_entry(entry, self.world.now), ("jump", entry)
