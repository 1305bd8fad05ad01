"""A process' conversation with the hub about history: what it appends, and the logs it follows.

A topic that is followed is *in sync* on a stream once its log has come there; all that comes
afterwards is the next entry. What comes before, of a Follow that was taken back, is left out: the
log that was asked for last has it.

No I/O here either.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from channels_bridge.groups.grpc import append_codec, log_codec
from channels_bridge.groups.grpc.outbox import BATCH_SIZE, Outbox
from channels_bridge.groups.grpc.process.appends import Append, JoinedAppends
from channels_bridge.groups.grpc.process.client import Client, Request
from channels_bridge.groups.history.epochs import new_epoch
from channels_bridge.groups.history.position import (
    Bounds,
    Entry,
    Excerpt,
    Run,
    entries_in_turn,
    runs_of,
)
from channels_bridge.groups.history.sender_marks import SenderMarks
from channels_bridge.groups.history_transport import Follower
from channels_bridge.groups.transport_interface import Deliver
from channels_bridge.groups.wire.v1 import groups_pb2 as wire


@dataclass(eq=False, slots=True)
class Reading:
    """Somebody waits for a log without following it."""

    excerpt: Excerpt | None = None


@dataclass(eq=False, slots=True)
class Followed:
    """A topic that is followed.

    Attributes:
        is_in_sync: on the stream that there is.
        asked: the numbers of the requests for its log; 0 for that which Hello makes.
        waiting: requests that the log which Hello asks for answers.
    """

    is_in_sync: bool = False
    asked: set[int] = field(default_factory=set)
    waiting: list[Request] = field(default_factory=list)


class Nobody(Follower):
    """Follows nothing."""

    def on_excerpt(self, topic: str, excerpt: Excerpt) -> None:
        pass

    def on_entry(self, topic: str, entry: Entry) -> None:
        pass

    def position(self, topic: str) -> None:
        return None


class HistoryClient(Client):
    """One process at the hub that also appends to logs and follows them.

    Attributes:
        follower: who is called; to be set before anything is followed.
        keeps_history: whether the hub can; that is believed until it has said so.
        is_continued: whether the next hub goes on where the last one has ended: then what is to be
            kept waits for it.
    """

    missed_text: ClassVar[str] = f"{Client.missed_text}, but for groups whose history is kept"

    def __init__(self, deliver: Deliver, prefix: str = "") -> None:
        super().__init__(deliver, prefix)
        self.follower: Follower = Nobody()
        self.keeps_history = True
        self.is_continued = False
        self._followed: dict[str, Followed] = {}
        self._parts: dict[int, log_codec.Parts] = {}  # of logs that have come in part, by request
        self._expected = 0  # how many logs Hello has asked for that haven't come yet
        self._loaded: list[tuple[str, Excerpt]] = []  # of those that have
        self._transient = SenderMarks()  # of messages that aren't kept
        self._order = 0  # of the last message that was numbered
        self._alone = Run(new_epoch(), 1, 0)
        self._reads_joined = False  # the hub, on the stream that there is
        self._joined: JoinedAppends | None = None  # what more may be added to, while it waits

    # What the transport asks for.

    def append(
        self, topic: str, payload: bytes, bounds: Bounds, *, kept: bool, confirm: bool = False
    ) -> Request:
        """Let the hub number a message.

        Args:
            confirm: whether somebody waits for it; a hub with history always answers at once.
        """
        if not self.keeps_history:
            self.append_alone(topic, payload)
            return self.request(wire.Publish(topic=topic, payload=payload, confirm=confirm))
        self._seq = seq = self._seq + 1
        target = append_codec.target(self._prefix + topic, bounds.messages, bounds.seconds, kept)
        append = Append(seq, topic, target, payload)
        self._requests[seq] = append
        self._bytes += append.size
        if self.outbox is not None:
            self._write_append(self.outbox, append)
        return append

    def _write_append(self, outbox: Outbox, append: Append) -> None:
        """Write a message, in one frame with those that wait before it."""
        if not self._reads_joined:
            outbox.put(append.encode())
            return
        joined = self._joined
        # Whatever else is written in between has to stay there: its number, too, is the next one.
        if joined is None or outbox.last is not joined or joined.size >= BATCH_SIZE:
            joined = self._joined = JoinedAppends()
            outbox.put(joined)
        joined.add(append)

    def append_alone(self, topic: str, payload: bytes) -> None:
        """There is no hub: who follows here gets it at once, and nothing is kept."""
        self._give_unkept(topic, payload)

    def follow(self, topic: str) -> Request:
        """Ask for a topic's log and what comes; answered once the follower has it."""
        if not self.keeps_history:
            self.follow_alone(topic)
            return self.subscribe(topic)
        followed = self._followed.setdefault(topic, Followed())
        after = log_codec.wire_position(self.follower.position(topic))
        request = self.request(wire.Follow(topic=topic, after=after), about=followed)
        followed.asked.add(request.seq)
        return request

    def follow_alone(self, topic: str) -> None:
        """There is no hub: nothing is kept, and all that comes is from here."""
        self._followed.setdefault(topic, Followed())
        self._begin_empty(topic)

    def unfollow(self, topic: str) -> None:
        """Stop following."""
        followed = self._followed.pop(topic, None)
        if followed is None:
            return
        for request in [r for r in self._requests.values() if r.about is followed]:
            self.abandon(request)
        for request in followed.waiting:
            request.settle()
        if topic in self._topics:
            self.unsubscribe(topic)
        else:
            self._write(wire.Unsubscribe(topic=self._prefix + topic))

    def read(self, topic: str, reading: Reading, *, is_brief: bool = False) -> Request:
        """Ask for all that a topic's log keeps, or only for where it is."""
        return self.request(wire.Follow(topic=topic, once=True, brief=is_brief), about=reading)

    def nothing(self) -> Excerpt:
        """What there is where no hub keeps anything."""
        return Excerpt(is_whole=True, floor=0, runs=[self._alone], entries=[])

    def abandon(self, request: Request) -> None:
        if isinstance(request, Append) and self.outbox is not None:
            # It may be in the log already: whoever follows it here needs its number.
            request.is_abandoned = True
            request.settle()
            return
        if isinstance(request.about, Reading):
            self._parts.pop(request.seq, None)
        super().abandon(request)

    def settle_alone(self, error: Exception) -> int:
        for topic, followed in self._followed.items():
            self._begin_empty(topic)
            self._settle_waiting(followed)
        for request in list(self._requests.values()):
            if not isinstance(request, Append) or request.is_abandoned:
                continue
            if not self._waits_for_hub(request):
                self._give_unkept(request.topic, request.payload)
        return super().settle_alone(error)

    def _waits_for_hub(self, request: Request) -> bool:
        if isinstance(request, Append):
            return self.is_continued and request.kept and not request.is_abandoned
        return super()._waits_for_hub(request)

    def fail_all(self, error: Exception) -> None:
        for followed in self._followed.values():
            for request in followed.waiting:
                request.fail(error)
            followed.waiting.clear()
        super().fail_all(error)

    # What the link calls.

    def connected(self) -> Outbox:
        self._parts.clear()
        self._loaded.clear()
        self._expected = len(self._followed)
        for followed in self._followed.values():
            followed.is_in_sync = False
            followed.asked = {0}
        for request in list(self._requests.values()):
            if isinstance(request.about, Followed):  # Hello asks for all of these again
                request.about.waiting.append(self._forget(request))
            elif isinstance(request, Append) and request.is_abandoned:
                self._forget(request)
        return super().connected()

    def disconnected(self) -> None:
        super().disconnected()
        self._reads_joined = False

    def _hello(self) -> wire.Hello:
        hello = super()._hello()
        hello.features.append(log_codec.JOINED)
        for topic in self._followed:
            name = self._prefix + topic
            after = log_codec.wire_position(self.follower.position(topic))
            hello.followed.append(wire.Follow(topic=name, after=after))
            if topic not in self._topics:
                hello.topics.append(name)  # for a hub of an earlier release
        return hello

    # One method per frame.

    def _on_welcome(self, welcome: wire.Welcome) -> None:
        super()._on_welcome(welcome)
        self.keeps_history = log_codec.FEATURE in welcome.features
        self._reads_joined = log_codec.JOINED in welcome.features
        if not self.keeps_history:
            self._tell_once(
                "the groups hub is of an earlier release and keeps no history: messages are passed "
                "on as without it, until the hub is restarted with the release of its processes"
            )
            self._go_without()
            return
        for topic, followed in self._followed.items():
            if not followed.asked:  # for the hub before, of an earlier release, after Hello
                self.follow(topic)

    def _go_without(self) -> None:
        """The hub of an earlier release has the topics from Hello: what is followed is in force."""
        for request in list(self._requests.values()):
            if isinstance(request.about, Followed):  # asked for since: it knows no Follow
                request.about.waiting.append(self._forget(request))
        for topic, followed in self._followed.items():
            self._begin_empty(topic)
            self.subscribe(topic)
            self._settle_waiting(followed)

    def _on_log(self, log: wire.Log) -> None:
        self._handled.count += 1
        parts = self._parts.get(log.seq)
        if parts is None:
            parts = self._parts[log.seq] = log_codec.Parts(log)
        else:
            parts.add(log)
        if log.more:
            return
        del self._parts[log.seq]
        excerpt = parts.join(time.monotonic())
        request = self._requests.get(log.seq)
        topic = log.topic.removeprefix(self._prefix)
        if request is not None and isinstance(request.about, Reading):
            request.about.excerpt = excerpt
        elif self._expected and not log.seq:
            self._load_with_others(topic, excerpt)
        else:
            self._load(topic, log.seq, excerpt)

    def _load_with_others(self, topic: str, excerpt: Excerpt) -> None:
        """Hand in the logs that Hello has asked for at once: members take them by their order."""
        self._expected -= 1
        self._loaded.append((topic, excerpt))
        if not self._expected:
            loaded, self._loaded = self._loaded, []
            for topic, excerpt in loaded:
                self._load(topic, 0, excerpt)

    def _load(self, topic: str, seq: int, excerpt: Excerpt) -> None:
        followed = self._followed.get(topic)
        is_told = not seq and followed is not None and followed.is_in_sync  # logs were cleared
        if followed is None or not (is_told or seq in followed.asked):
            return  # it was asked for before this topic was left
        followed.asked.discard(seq)
        followed.is_in_sync = True
        position = self.follower.position(topic)
        if not excerpt.is_whole and position is not None:
            # What has come since this was asked for is here already.
            entries = [entry for entry in excerpt.entries if entry.offset > position.offset]
            excerpt = replace(excerpt, entries=entries)
        self.follower.on_excerpt(topic, excerpt)
        if not seq:
            self._settle_waiting(followed)

    def _on_delivery(self, delivery: wire.Delivery) -> None:
        if not delivery.HasField("numbered"):
            super()._on_delivery(delivery)
            return
        self._take_numbered(delivery, [delivery.payload])

    def _on_deliveries(self, deliveries: wire.Deliveries) -> None:
        self._take_numbered(deliveries, list(deliveries.payloads))

    def _take_numbered(
        self, frame: wire.Delivery | wire.Deliveries, payloads: Sequence[bytes]
    ) -> None:
        self._handled.count += 1
        sender, seq, numbered = frame.sender, frame.seq, frame.numbered
        known, offset = 0, numbered.offset
        if not offset:
            # A new hub numbers once more what isn't in its predecessor's file.
            known = self._transient.advance_by(sender, seq, len(payloads))
        if payloads[known:]:
            entries = entries_in_turn(
                numbered.epoch,
                offset,
                numbered.order + known,
                sender,
                seq + known,
                payloads[known:],
                time.monotonic(),
            )
            self._give(frame.topic.removeprefix(self._prefix), entries)

    def _on_sequenced(self, sequenced: wire.Sequenced) -> None:
        numbered = self._settle_numbered(sequenced)
        for topic, entries in runs_of(numbered):
            self._give(topic, entries)
        self.on_answers(len(numbered))

    def _settle_numbered(self, sequenced: wire.Sequenced) -> list[tuple[str, Entry]]:
        """Take the messages that have got numbers from what waits, with their topics."""
        now, epoch, requests = time.monotonic(), sequenced.epoch, self._requests
        numbered = []
        for seq, offset, order in zip(
            sequenced.seqs, sequenced.offsets, sequenced.orders, strict=False
        ):
            append = requests.get(seq)
            if not isinstance(append, Append):
                continue
            del requests[seq]
            self._bytes -= append.size
            append.settle()
            entry = Entry(epoch, offset, order, self.id, seq, append.payload, now)
            numbered.append((append.topic, entry))
        return numbered

    def _on_settled(self, settled: wire.Settled) -> None:
        # Once each: what was sent again on several streams may be answered as often in one frame.
        for seq in dict.fromkeys(settled.seqs):
            append = self._requests.get(seq)
            # It was numbered before, and a log has it, if one has. Others had it then.
            if isinstance(append, Append) and not (append.kept and self.keeps_history):
                self._give_unkept(append.topic, append.payload)
        super()._on_settled(settled)

    # Helpers.

    def _begin_empty(self, topic: str) -> None:
        if self.follower.position(topic) is None:
            self.follower.on_excerpt(topic, self.nothing())

    def _give(self, topic: str, entries: Sequence[Entry]) -> None:
        self._order = entries[-1].order
        followed = self._followed.get(topic)
        if followed is not None and followed.is_in_sync:
            self.follower.on_entries(topic, entries)

    def _give_unkept(self, topic: str, payload: bytes) -> None:
        if topic in self._followed:
            entry = Entry(self._alone.epoch, 0, self._order, self.id, 0, payload, time.monotonic())
            self.follower.on_entry(topic, entry)

    def _forget(self, request: Request) -> Request:
        """Take a request from those that are sent again."""
        del self._requests[request.seq]
        self._bytes -= request.size
        return request

    @staticmethod
    def _settle_waiting(followed: Followed) -> None:
        for request in followed.waiting:
            request.settle()
        followed.waiting.clear()
