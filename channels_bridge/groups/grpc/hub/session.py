"""A session: one process as the hub knows it, over all of its streams."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import NamedTuple, Protocol

from channels_bridge.groups.discovery.process_liveness import UNKNOWN, is_gone
from channels_bridge.groups.grpc import frame_codec, log_codec
from channels_bridge.groups.grpc.hub.uptime import Uptime
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.suppression import Wait
from channels_bridge.groups.named_queues import Item
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

#: What a process may leave unhandled before it is cut off, so that it can't fill the hub's memory.
#: Ten others that send it as much as they may (client.py), in messages of the largest size, stay
#: below that.
MAX_PENDING = 65_536
MAX_PENDING_BYTES = 512 * 1024 * 1024


class Delivery:
    """One publication on its way to several processes."""

    __slots__ = ("_confirm", "_room", "_sender", "_seq", "_waiting")

    def __init__(self, sender: Session, publish: wire.Publish, receivers: int) -> None:
        self._sender = sender
        self._seq = publish.seq
        self._confirm = publish.confirm
        self._waiting = receivers
        self._room = True  # False when a receiver had none

    def handled(self, *, refused: bool) -> None:
        """One receiver has it, had no room for it, or has gone. The last one answers the sender."""
        self._waiting -= 1
        self._room = self._room and not refused
        if not self._waiting:
            self._sender.answer(self._seq, self._room, hurry=self._confirm)


class Handled(Protocol):
    """Who is told that a process has handled a frame."""

    def handled(self, *, refused: bool) -> None:
        """It has it, had no room for it, or has gone."""


class _Nobody:
    def handled(self, *, refused: bool) -> None:
        pass


#: Of what nobody waits for, and of that in a log: a process that comes back is sent the log.
UNAWAITED = _Nobody()
NUMBERED = _Nobody()


class Pending(NamedTuple):
    """A delivery that a process hasn't handled yet."""

    delivery: Handled
    frame: bytes
    since: float  # in the hub's uptime


class HandingOut:
    """A pull that waits at the hub, or whose item is on its way.

    Attributes:
        item: None until there is one.
        is_waiting: whether the queue knows of it.
    """

    def __init__(self, session: Session, pull_id: int, queue: str) -> None:
        self.queue = queue
        self.item: Item | None = None
        self.is_waiting = False
        self._session = session
        self._id = pull_id

    def accept(self, item: Item) -> bool:
        """Send an item to the process that asked."""
        self.item = item
        self.is_waiting = False
        self.resend()
        return True

    def resend(self) -> None:
        """Send it once more, after a reconnect."""
        assert self.item is not None
        self._session.write(wire.Item(id=self._id, payload=self.item.payload))


class Due:
    """The sessions that the exchange has to come back to: few, however many there are.

    Attributes:
        changed: those that got something to write or an answer since the exchange settled.
        waiting: those that have postponed something.
    """

    def __init__(self) -> None:
        self.changed: dict[Session, None] = {}  # in this order
        self.waiting: dict[Session, None] = {}


class Session:
    """One process.

    Args:
        process: the process' own name for itself.
        uptime: the hub's.
        due: where it says that the exchange has something to do for it.

    Attributes:
        id: that name.
        presence: where to look whether it exists.
        only_publishes: whether it reads nothing but answers, and these only while it waits.
        reads_joined: whether it can read many messages of logs in one frame.
        outbox: what to write to its stream; None while there is none.
        topics: what it subscribed to.
        followed: those of which it is sent the log.
        pulls: what it pulls, by the numbers that it gave them.
        unanswered: the numbers of its requests that are being worked on.
    """

    def __init__(self, process: bytes, uptime: Uptime, due: Due) -> None:
        self.id = process
        self.presence = UNKNOWN
        self.only_publishes = False
        self.reads_joined = False
        self.outbox: Outbox | None = None
        self.topics: set[str] = set()
        self.followed: set[str] = set()
        self.pulls: dict[int, HandingOut] = {}
        self.unanswered: set[int] = set()
        self._uptime = uptime
        self._due = due
        self._lost_at: float | None = None  # when the last stream broke; None while there is one
        self._answers = wire.Settled()  # those that haven't been written yet
        self._hurry = False  # whether anybody waits for one of them
        self._pending: deque[Pending] = deque()
        self._pending_bytes = 0
        self._postponed: deque[tuple[Sequence[Wait], Callable[[], None]]] = deque()

    def introduce(self, hello: wire.Hello) -> None:
        """Note what its process says of itself."""
        self.presence = hello.presence
        self.only_publishes = hello.only_publishes
        self.reads_joined = log_codec.JOINED in hello.features

    @property
    def name(self) -> str:
        """Who this is, in log lines."""
        return f"{self.id.hex()} ({self.presence})" if self.presence else self.id.hex()

    @property
    def is_receiving(self) -> bool:
        """Whether anything can be sent to this process."""
        return bool(self.topics or self.pulls)

    @property
    def is_overrun(self) -> bool:
        """Whether it leaves too much unhandled, or asks for too much."""
        # On a new stream it is sent a log of each topic that it follows, before it can handle any.
        most = MAX_PENDING + len(self.followed)
        return (
            len(self._pending) > most
            or len(self.pulls) > MAX_PENDING
            or self._pending_bytes > MAX_PENDING_BYTES
            or (self.outbox is not None and len(self.outbox) > 2 * most)
        )

    def has_stalled(self, seconds: float) -> bool:
        """Whether it has left a delivery unhandled for longer than that."""
        return bool(self._pending) and self._uptime.now - self._pending[0].since > seconds

    def has_gone(self, seconds: float) -> bool:
        """Whether it has ended, or has been without a stream for longer than that."""
        if self._lost_at is None:
            return False
        return self._uptime.now - self._lost_at > seconds or is_gone(self.presence)

    def connect(self, outbox: Outbox) -> None:
        """Go on with a new stream."""
        self.outbox = outbox
        self._lost_at = None
        self._pending = deque(p for p in self._pending if p.delivery is not NUMBERED)
        self._pending_bytes = sum(len(pending.frame) for pending in self._pending)

    def disconnect(self) -> None:
        """The stream is gone."""
        self.outbox = None
        self._lost_at = self._uptime.now

    def write(self, kind: frame_codec.Kind) -> None:
        """Write a frame, if there is a stream, after the answers so far.

        The order counts: Resume must come after the answers that have allowed a silence.
        """
        self._due.changed[self] = None
        self.flush_answers()
        if self.outbox is not None:
            self.outbox.put(frame_codec.encode(kind))

    def inform(self, kind: frame_codec.Kind) -> None:
        """Write what all processes are told, but those that don't read it."""
        if not self.only_publishes:
            self.write(kind)

    def answer(
        self, seq: int, room: bool = True, *, hurry: bool = True, unheard: bool = False
    ) -> None:
        """A request is done. ``flush_answers()`` says so."""
        self._due.changed[self] = None
        self.unanswered.discard(seq)
        self._answers.seqs.append(seq)
        if not room:
            self._answers.refused.append(seq)
        if unheard:
            self._answers.unheard.append(seq)
        self._hurry = self._hurry or hurry

    def flush_answers(self) -> None:
        """Write the answers that have come together."""
        if not self._answers.seqs:
            return
        if self.outbox is not None:
            put = self.outbox.put if self._hurry else self.outbox.put_lazily
            put(frame_codec.encode(self._answers))
        self._answers = wire.Settled()
        self._hurry = False

    def deliver(self, delivery: Handled, frame: bytes) -> None:
        """Send a delivery, and keep it until it is handled."""
        self._due.changed[self] = None
        self._pending.append(Pending(delivery, frame, self._uptime.now))
        self._pending_bytes += len(frame)
        if self.outbox is not None:  # else redeliver() sends it, if the process comes back
            self.outbox.put(frame)

    def redeliver(self) -> None:
        """Send once more what wasn't handled, on a new stream."""
        assert self.outbox is not None
        for pending in self._pending:
            self.outbox.put(pending.frame)

    def handled(self, handled: wire.Handled) -> None:
        """The process has handled the next deliveries."""
        refusals = set(handled.refused)
        for position in range(min(handled.count, len(self._pending))):
            pending = self._pending.popleft()
            self._pending_bytes -= len(pending.frame)
            refused = position in refusals
            # A subscription that came before the acknowledgement is in force before its sender is
            # answered: see GroupTransport.subscribe_nowait().
            if self._postponed:
                self.after((), partial(pending.delivery.handled, refused=refused))
            else:
                pending.delivery.handled(refused=refused)

    def after(self, waits: Sequence[Wait], action: Callable[[], None]) -> None:
        """Do something when all waits are over, and everything before it is done."""
        if waits or self._postponed:
            self._postponed.append((waits, action))
            self._due.waiting[self] = None
        else:
            action()

    def catch_up(self, now: float) -> None:
        """Do what was postponed, as far as the waits are over."""
        while self._postponed and all(wait.is_over(now) for wait in self._postponed[0][0]):
            self._postponed.popleft()[1]()
        if not self._postponed:
            self._due.waiting.pop(self, None)

    def abandon(self) -> None:
        """The process won't handle anything any more: let its senders go on.

        It isn't told what else this has answered: it asks again if it comes back.
        """
        if self.outbox is not None:
            self.outbox.close()
            self.disconnect()
        self.catch_up(inf)
        while self._pending:
            self._pending.popleft().delivery.handled(refused=False)
        self._pending_bytes = 0
        self._answers = wire.Settled()
