"""Workers that are simulated, with connections whose consumers handle one message at a time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from channels_bridge.groups.history.cursor import Cursor
from channels_bridge.groups.history.feed import Feed, FeedFigures
from channels_bridge.groups.history.member import Member
from channels_bridge.groups.history.member_listener import LogEvent, Notice
from channels_bridge.groups.history.position import Answer, Claim, Entry, Excerpt, Position, Why
from channels_bridge.groups.history.replica import Replica
from channels_bridge.groups.history.shelf import Shelf
from compat_tests.groups.history.facts import decode, encode

if TYPE_CHECKING:
    from compat_tests.groups.history.simulated_client import Client
    from compat_tests.groups.history.simulated_hub import SimulatedHub
    from compat_tests.groups.history.worlds import World


class Worker:
    """A process: replicas, their members, and the stream to the hub and from it."""

    def __init__(self, world: World, name: bytes) -> None:
        self.world = world
        self.name = name
        self.shelf = Shelf(world.max_bytes)
        self.replicas: dict[str, Replica[Cursor]] = {}
        self.connections: list[Connection] = []
        self.seq = 0
        self.unsettled: list[tuple[int, str, bytes, bool]] = []
        self.up: list[Any] = []
        self.down: list[Any] = []
        self.hub: SimulatedHub | None = None
        self.asked = 0  # how often it has asked for a log
        self.answered: dict[str, int] = {}  # group -> which question's answer has come
        self.passed: set[tuple[bytes, int]] = set()  # what isn't kept, and was given to members

    @property
    def is_linked(self) -> bool:
        """Whether it has a stream to the hub that there is."""
        return self.hub is self.world.hub and self.hub.sessions.get(self) is self.down

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on the way."""
        return self.is_linked and not self.up and not self.down

    def connect(self) -> None:
        """Connect to the hub that there is, and repeat what may not have come."""
        self.hub = self.world.hub
        followed = {group: replica.position for group, replica in self.replicas.items()}
        self.down = self.hub.connect(self, followed, self.asked)
        self.up = [("publish", *message) for message in self.unsettled]

    def publish(self, group: str, frames: int, kept: bool) -> None:
        """Send a message to a group."""
        self.seq += 1
        message = (self.seq, group, encode(self.world.new_number(kept), frames), kept)
        self.unsettled.append(message)
        self.up.append(("publish", *message))

    def ask(self, group: str) -> int:
        """Ask for a log. Returns the number of the question."""
        self.asked += 1
        self.begin(group)
        position = self.replicas[group].position
        self.up.append(("follow", group, position, self.asked))
        return self.asked

    def begin(self, group: str) -> None:
        """Have a replica, if it has none."""
        if group not in self.replicas:
            replica = Replica(group, self.world.bounds, self.shelf, self.deliver)
            self.replicas[group] = replica

    def send(self) -> None:
        """Bring the hub what was sent first."""
        assert self.hub is not None
        kind, *arguments = self.up.pop(0)
        getattr(self.hub, kind)(self, *arguments)

    def receive(self) -> None:
        """Take what has come first from the hub."""
        kind, *arguments = self.down.pop(0)
        getattr(self, f"receive_{kind}")(*arguments)

    def receive_settled(self, seq: int) -> None:
        """A message has its number."""
        self.unsettled = [message for message in self.unsettled if message[0] > seq]

    def receive_logs(self, logs: dict[str, Excerpt], number: int) -> None:
        """Excerpts, in answer to all questions up to that one."""
        for group, excerpt in logs.items():
            if group in self.replicas:
                self.replicas[group].take_excerpt(excerpt, self.world.now)
            self.answered[group] = max(number, self.answered.get(group, 0))

    def receive_entry(self, group: str, entry: Entry) -> None:
        """The next message of a group."""
        if group not in self.replicas:
            return
        if entry.offset == 0:
            if (entry.sender, entry.seq) in self.passed:
                return
            self.passed.add((entry.sender, entry.seq))
        assert self.replicas[group].take_entry(entry, self.world.now), ("jump", entry)

    def deliver(self, replica: Replica[Cursor], entry: Entry) -> None:
        """Give an entry to all members here."""
        for cursor in list(replica.cursors.values()):
            message = decode(entry.payload)
            speaks = cursor.feed.speaks
            event = LogEvent(message, replica.group, entry) if speaks else message
            if not cursor.give(entry, event):
                assert entry.offset == 0, ("dropped", entry)

    def tidy(self) -> None:
        """Drop what is too old, and what nobody reads."""
        self.shelf.expire(self.world.now)
        joining = {group for connection in self.connections for group in connection.joining}
        for group, replica in list(self.replicas.items()):
            if not replica.cursors and group not in joining and self.is_linked:
                del self.replicas[group]
                self.shelf.remove(group)
                self.unfollow(group)

    def unfollow(self, group: str) -> None:
        """Tell the hub that a log isn't read any more."""
        self.up.append(("unfollow", group))

    def is_answered(self, group: str, question: int) -> bool:
        """Whether the log that was asked for has come."""
        return self.answered.get(group, 0) >= question


class Connection:
    """A member of groups: inbox, feed, a consumer, and what is on the way to its client."""

    def __init__(self, world: World, worker: Worker, client: Client) -> None:
        self.world = world
        self.worker = worker
        self.client = client
        self.inbox: deque[Any] = deque()
        self.out: list[Any] = []  # what was sent to the client
        self.joining = list(client.groups)
        self.question: int | None = None
        self.is_lost = False
        self.is_waiting = False  # its run loop, for something to be there
        self.figures = FeedFigures()
        self.feed = Feed(
            self, decode=decode, figures=self.figures, speaks=client.speaks, wake=self.wake
        )
        self.member = Member(f"channel {id(self)}", self.feed, self)
        self.first_order = self.latest_order = 0
        worker.connections.append(self)

    # The inbox.

    sharing = None

    def put_message(self, message: Any, expires: float) -> bool:
        """Add a message, if there is room."""
        if len(self.inbox) >= self.world.capacity:
            return False
        self.inbox.append((message, self.figures.missed))
        self.wake()
        return True

    def wake(self) -> None:
        """Let the run loop look."""
        self.is_waiting = False

    # The listener.

    scope: dict[str, Any] = {}
    speaks = True

    def claim(self, group: str) -> Claim | Why | None:
        """What the client said in its handshake."""
        return self.client.claims.get(group)

    def joined(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        """Tell the client."""
        self.out.append(("joined", group, answer, position, why))

    def left(self, group: str) -> None:
        """Tell the client."""

    # What happens.

    @property
    def is_settled(self) -> bool:
        """Whether all has come that there was."""
        return not self.joining and not self.out and self.is_waiting

    def join(self) -> None:
        """Try to join the next group."""
        group, worker = self.joining[0], self.worker
        replica = worker.replicas.get(group)
        if replica is None or (not replica.is_filled and self.question is None):
            self.question = worker.ask(group)
            return
        claim = self.member.claim(group)
        if self.question is None:
            if isinstance(claim, Claim) and not replica.can_answer(claim):
                self.question = worker.ask(group)
                return
        elif not worker.is_answered(group, self.question):
            return
        self.member.join(replica, claim)
        self.joining.pop(0)
        self.question = None
        self.latest_order = self.first_order = self.world.hub.chronicle.latest
        if not self.client.speaks:
            self.out.append(("joined", group, Answer.NEW, replica.log.position, None))

    def run(self) -> None:
        """Let the consumer handle one event, if there is one."""
        if self.is_waiting:
            return
        if self.inbox:
            event, missed = self.inbox.popleft()
        else:
            event, missed = self.feed.take(), self.figures.missed
        if event is None:
            self.is_waiting = True
        elif isinstance(event, Notice):
            self.out.append(("notice", event.group, event.position, event.why))
        elif isinstance(event, LogEvent):
            self.handle(event)
        else:
            self.out.append(("plain", event, missed))

    def handle(self, event: LogEvent) -> None:
        """Send the frames of a message."""
        if event.entry.offset == 0:
            self.out.append(("passed", event.group, event.entry))
            return
        frames = event["frames"]
        for index in range(event.frames, frames):
            self.out.append(("frame", event.group, event.entry, index))
        if not frames and self.world.random.random() < 0.5:
            self.out.append(("at", event.group, event.entry))

    def lose(self) -> None:
        """The client is gone, and this worker notices it."""
        self.is_lost = True
        self.member.close()
        self.worker.connections.remove(self)
