"""A process' conversation with the hub: numbered requests, sent again until they are answered.

No I/O here. ``link`` connects: it calls ``connected()`` for each new stream, writes what comes out
of the outbox, and gives what it reads to ``receive()``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar
from uuid import uuid4

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.discovery.process_liveness import own_presence
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.suppression import Unheard
from channels_bridge.groups.history.sender_marks import SenderMarks
from channels_bridge.groups.layer_statistics import LinkStatistics
from channels_bridge.groups.transport_interface import Deliver
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

logger = logging.getLogger("channels_bridge.groups")

#: What may be unanswered before publishing waits; the last message may go beyond it. The hub's own
#: bound per process (session.py) is far higher, so that a slow process slows its senders down
#: rather than be cut off.
MAX_REQUESTS = 4096
MAX_BYTES = 16 * 1024 * 1024

#: Frames that name a queue. Here, as a union of types is made anew wherever it is written.
_ABOUT_QUEUES = (wire.Bind, wire.Push, wire.Unbind)


class Request:
    """A frame that the hub hasn't answered yet.

    Args:
        seq: its number.
        frame: encoded; empty where a subclass encodes it when it is sent.
        carries_message: whether it is a message, to a group or a queue.
        topic: of a publication.
        required: whether it isn't done where nobody else is.
        about: what a subclass of the client keeps with it.

    Attributes:
        size: what it counts for among what is unanswered, in bytes.
        made: when, in ``time.monotonic()``.
        is_done: whether it is answered, or nobody waits any more.
    """

    __slots__ = (
        "_answer",
        "_has_room",
        "about",
        "carries_message",
        "frame",
        "is_done",
        "made",
        "required",
        "seq",
        "size",
        "topic",
    )

    def __init__(
        self,
        seq: int,
        frame: bytes,
        carries_message: bool,
        topic: str = "",
        required: bool = False,
        about: Any = None,
    ) -> None:
        self.seq = seq
        self.frame = frame
        self.size = len(frame)
        self.carries_message = carries_message
        self.topic = topic
        self.made = time.monotonic()
        self.required = required
        self.about = about
        self.is_done = False
        self._has_room = True
        self._answer: asyncio.Future[bool] | None = None

    def encode(self) -> bytes:
        """Return the frame."""
        return self.frame

    @property
    def answer(self) -> asyncio.Future[bool]:
        """True when it is done, False when there was no room; made when somebody wants to wait."""
        if self._answer is None:
            self._answer = asyncio.get_running_loop().create_future()
            if self.is_done:
                self._answer.set_result(self._has_room)
        return self._answer

    def settle(self, has_room: bool = True) -> None:
        """It is done, unless it was before."""
        if self.is_done:
            return
        self.is_done = True
        self._has_room = has_room
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(has_room)

    def fail(self, error: Exception) -> None:
        """It can't be done, unless it was before."""
        if self.is_done:
            return
        self.is_done = True
        self._answer = self._answer or asyncio.get_running_loop().create_future()
        if not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()  # who waits for it may be cancelled meanwhile

    def begin_anew(self) -> None:
        """It is to be done after all, for those who wait from now on."""
        self.is_done = False
        self._answer = None


@dataclass(eq=False)
class Pull:
    """Somebody waits for an item of a named queue."""

    id: int
    queue: str
    item: asyncio.Future[bytes]
    withdrawn: bool = False  # the hub was told so; it hasn't confirmed yet


class Client:
    """One process at the hub.

    Args:
        deliver: gets what others publish.
        prefix: of the names of topics and queues at the hub, which nobody else sees.

    Attributes:
        id: who this is, for the hub and for all peers.
        bindings: those that a new hub has to be told: (topic, queue) -> frame.
        outbox: what to write to the stream; None while there is none.
        refusal: why the hub doesn't talk to this client; None when it does.
        unheard: the topics that needn't be published to.
        on_answers: called with the number of requests that were just answered.
    """

    #: What it means to have been away for too long.
    missed_text: ClassVar[str] = "its members have missed what was sent to them meanwhile"

    def __init__(self, deliver: Deliver, prefix: str = "") -> None:
        self.id = uuid4().bytes
        self.bindings: dict[tuple[str, str], wire.Bind] = {}
        self.outbox: Outbox | None = None
        self.refusal: str | None = None
        self.unheard = Unheard()
        self.on_answers: Callable[[int], None] = lambda count: None
        self._deliver = deliver
        self._prefix = prefix
        self._loop = asyncio.get_running_loop()
        self._seq = 0
        self._requests: dict[int, Request] = {}  # by number, in order
        self._bytes = 0  # in those requests
        self._topics: dict[str, Request] = {}
        self._pulls: dict[int, Pull] = {}
        self._last_pull = 0
        self._marks = SenderMarks()
        self._epoch = b""  # the hub that this was connected to last
        self._peers: list[bytes] = []  # the processes that were receiving there
        self._handled = wire.Handled()  # deliveries of the batch that is being received
        self._hurry = False  # whether anybody waits for one of them to be handled
        self._is_welcome = False  # on the stream that there is
        self._welcomes = 0
        self._missed = 0
        self._notices = Notices(logger, interval=inf)  # about the hub's release, each once

    @property
    def is_full(self) -> bool:
        """Whether so much is unanswered that publishing should wait."""
        return len(self._requests) >= MAX_REQUESTS or self._bytes >= MAX_BYTES

    @property
    def is_idle(self) -> bool:
        """Whether no message waits for its answer."""
        return not any(request.carries_message for request in self._requests.values())

    def statistics(self) -> LinkStatistics:
        """Take a snapshot."""
        # A copy, because this may run in a thread while the loop goes on.
        oldest = next(iter(self._requests.copy().values()), None)
        return LinkStatistics(
            connected=self._is_welcome,
            reconnects=max(self._welcomes - 1, 0),
            missed=self._missed,
            unacknowledged=len(self._requests),
            unacknowledged_bytes=self._bytes,
            lag=time.monotonic() - oldest.made if oldest is not None else 0,
        )

    # What the transport asks for.

    def subscribe(self, topic: str) -> Request:
        """Ask for a topic, unless that was done; in force when answered."""
        request = self._topics.get(topic)
        if request is None:
            request = self._topics[topic] = self.request(wire.Subscribe(topic=topic))
        return request

    def unsubscribe(self, topic: str) -> None:
        """Stop asking for a topic."""
        request = self._topics.pop(topic, None)
        if request is not None:
            self.abandon(request)
            self._write(wire.Unsubscribe(topic=self._prefix + topic))

    def request(
        self, kind: frame_codec.Request, *, required: bool = False, about: Any = None
    ) -> Request:
        """Give ``kind`` the next number and send it, again and again until it is answered."""
        self._seq += 1
        kind.seq = self._seq
        topic = kind.topic if isinstance(kind, wire.Publish) else ""
        if self._prefix:
            self._put_prefix(kind)
        frame = frame_codec.encode(kind)
        request = Request(
            self._seq,
            frame,
            carries_message=isinstance(kind, (wire.Publish, wire.Push)),
            topic=topic,
            required=required,
            about=about,
        )
        self._send(request)
        return request

    def _send(self, request: Request) -> None:
        # Kept until it is answered: connected() sends it on the next stream, again or for the first
        # time. The hub ignores a number that it has seen.
        self._requests[request.seq] = request
        self._bytes += request.size
        if self.outbox is not None:
            self.outbox.put(request.encode())

    def abandon(self, request: Request) -> None:
        """Don't send a request any more. Nobody waits for its answer either."""
        if self._requests.pop(request.seq, None) is not None:
            self._bytes -= request.size
        request.settle()

    def settle_alone(self, error: Exception) -> int:
        """There is no hub: what was asked for others is done, as nobody is there.

        Subscriptions are kept for a hub that comes, and so is what a hub has to keep. Messages that
        somebody has to get fail with ``error``.

        Returns:
            How many messages there were that nobody had to get.
        """
        publications = 0
        subscriptions = set(self._topics.values())
        for request in list(self._requests.values()):
            if request in subscriptions:
                request.settle()
            elif self._waits_for_hub(request):
                continue
            elif not request.required:
                self.abandon(request)
                publications += request.carries_message
            else:
                request.fail(error)
                self.abandon(request)
        return publications

    def _waits_for_hub(self, request: Request) -> bool:
        """Whether it is for the hub, more than for others."""
        return request.required and not request.topic

    def fail_all(self, error: Exception) -> None:
        """There are others, who can't be reached: nobody need wait for answers.

        Subscriptions are kept for a hub that comes, for those who don't wait for them.
        """
        subscriptions = set(self._topics.values())
        pending = [request for request in self._requests.values() if not request.is_done]
        for request in pending:
            request.fail(error)
            if request in subscriptions:
                request.begin_anew()
            else:
                self.abandon(request)

    def pull(self, queue: str) -> Pull:
        """Wait for an item. Call ``took()`` or ``withdraw()`` in the end."""
        self._last_pull += 1
        pull = Pull(self._last_pull, queue, self._loop.create_future())
        self._pulls[pull.id] = pull
        self._write(self._wire_pull(pull))
        return pull

    def took(self, pull: Pull) -> None:
        """The item has reached whoever waited for it."""
        del self._pulls[pull.id]
        self._write(wire.Taken(id=pull.id))

    def withdraw(self, pull: Pull) -> None:
        """Nobody waits any more: an item that is there already goes back to its queue."""
        pull.withdrawn = True
        self._write(wire.Withdraw(id=pull.id))

    # What the link calls.

    def connected(self) -> Outbox:
        """Begin a conversation: say who this is, what it wants, and what wasn't answered."""
        self.outbox = Outbox()
        self._write(self._hello())
        for pull in self._pulls.values():
            if pull.withdrawn:
                self._write(wire.Withdraw(id=pull.id))
        for request in self._requests.values():
            self.outbox.put(request.encode())
        return self.outbox

    def _hello(self) -> wire.Hello:
        return wire.Hello(
            version=frame_codec.VERSION,
            process=self.id,
            epoch=self._epoch,
            peers=self._peers,
            topics=[self._prefix + topic for topic in self._topics],
            bindings=self.bindings.values(),
            presence=own_presence(),
            pulls=map(self._wire_pull, self._pulls.values()),
        )

    def disconnected(self) -> None:
        """The stream is gone: keep what has to be said for the next one."""
        self.outbox = None
        self._is_welcome = False
        self.unheard.clear()

    def leave(self) -> None:
        """Say goodbye; the hub then forgets this process at once."""
        self.unheard.close()
        if self.outbox is not None:
            self._write(wire.Bye())
            self.outbox.close()

    def receive(self, batch: bytes) -> None:
        """Take what the hub wrote."""
        for field, kind in frame_codec.parse(batch):
            handler = getattr(self, f"_on_{field}", None)
            if handler is not None:  # None for frames that only processes send
                handler(kind)
        if self._handled.count:
            self._acknowledge()

    def _acknowledge(self) -> None:
        # One frame for a batch, and held back for others where no sender waits: the acknowledgement
        # of each message would cost as much as the message.
        if self.outbox is not None:
            put = self.outbox.put if self._hurry else self.outbox.put_lazily
            put(frame_codec.encode(self._handled))
        self._handled = wire.Handled()
        self._hurry = False

    # One method per frame.

    def _on_welcome(self, welcome: wire.Welcome) -> None:
        self._epoch = welcome.epoch
        self._is_welcome = True
        self._welcomes += 1
        self.refusal = None
        if welcome.missed:
            self._missed += 1
            logger.error(
                "this process was away from the groups hub for too long: %s", self.missed_text
            )

    def _on_refused(self, refused: wire.Refused) -> None:
        if self.refusal != refused.reason:
            logger.error("the groups hub refuses this process: %s", refused.reason)
        self.refusal = refused.reason

    def _on_settled(self, settled: wire.Settled) -> None:
        # Before the requests are forgotten: a lease counts from when they were made.
        for seq in settled.unheard:
            request = self._requests.get(seq)
            if request is not None:
                self.unheard.add(request.topic, request.made)
        for seq in settled.seqs:
            request = self._requests.pop(seq, None)
            if request is not None:
                self._bytes -= request.size
                request.settle(seq not in settled.refused)
        self.on_answers(len(settled.seqs))

    def _on_delivery(self, delivery: wire.Delivery) -> None:
        # Also of one that comes again: the hub counts what it has sent on this stream.
        position = self._handled.count
        self._handled.count += 1
        self._hurry = self._hurry or delivery.confirm
        if not self._marks.advance(delivery.sender, delivery.seq):
            return
        if not self._deliver(delivery.topic.removeprefix(self._prefix), delivery.payload):
            self._handled.refused.append(position)

    def _on_item(self, item: wire.Item) -> None:
        pull = self._pulls.get(item.id)
        if pull is not None and not pull.item.done():
            pull.item.set_result(item.payload)

    def _on_withdrawn(self, withdrawn: wire.Withdrawn) -> None:
        self._pulls.pop(withdrawn.id, None)

    def _on_resume(self, resume: wire.Resume) -> None:
        self.unheard.discard(resume.topic.removeprefix(self._prefix))
        self._write(wire.Resumed(number=resume.number, topic=resume.topic))

    def _on_unknown(self, unknown: wire.Unknown) -> None:
        self._tell_once(
            f"the groups hub is of an earlier release and doesn't know frame {unknown.number}: "
            f"restart it with the release of its processes"
        )

    def _on_later(self, number: int) -> None:
        self._tell_once(
            f"the groups hub is of a later release and has sent frame {number}: "
            f"restart this process with the same one"
        )

    def _tell_once(self, trouble: str) -> None:
        self._notices.log(logging.ERROR, trouble, "%s", trouble)

    def _on_peers(self, peers: wire.Peers) -> None:
        self._peers = list(peers.processes)

    def _on_unbound(self, unbound: wire.Unbound) -> None:
        if unbound.topic.startswith(self._prefix):  # else: of others, under names that may be ours
            names = (unbound.topic, unbound.queue)
            topic, queue = (name.removeprefix(self._prefix) for name in names)
            self.bindings.pop((topic, queue), None)

    def _on_cleared(self, cleared: wire.Cleared) -> None:
        if cleared.prefix == self._prefix:
            self.bindings.clear()

    # Helpers.

    def _put_prefix(self, kind: frame_codec.Request) -> None:
        if isinstance(kind, wire.Clear):
            kind.prefix = self._prefix
        elif not isinstance(kind, wire.Push):
            kind.topic = self._prefix + kind.topic
        if isinstance(kind, _ABOUT_QUEUES):
            kind.queue = self._prefix + kind.queue

    def _wire_pull(self, pull: Pull) -> wire.Pull:
        return wire.Pull(id=pull.id, queue=self._prefix + pull.queue)

    def _write(self, kind: frame_codec.Kind) -> None:
        if self.outbox is not None:
            self.outbox.put(frame_codec.encode(kind))
