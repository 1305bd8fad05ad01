"""The hub's exchange: routes publications between processes, and keeps named queues.

No I/O here. ``hub`` serves the streams: it calls ``join()`` for each new one, gives what it reads
to ``receive()``, writes what comes out of the session's outbox, and calls ``tick()`` now and then.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from channels_bridge.groups.grpc import (
    append_codec,
    frame_codec,
    log_codec,
    roll_codec,
    suppression,
)
from channels_bridge.groups.grpc.hub.queue_desk import QueueDesk
from channels_bridge.groups.grpc.hub.recovery import PATIENCE, LeftOut, Returning
from channels_bridge.groups.grpc.hub.roll_call import RollCall
from channels_bridge.groups.grpc.hub.sequencer import (
    HistoryFigures,
    Journal,
    NoJournal,
    Sequencer,
    make_chronicle,
)
from channels_bridge.groups.grpc.hub.session import Delivery, Due, Session
from channels_bridge.groups.grpc.hub.uptime import Uptime
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.sender_marks import SenderMarks
from channels_bridge.groups.named_queues import MessageQueues, prefix_of
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

logger = logging.getLogger("channels_bridge.groups")

#: What this hub can do beyond the first release of its version of the protocol.
FEATURES = (log_codec.FEATURE, roll_codec.FEATURE, suppression.FEATURE, log_codec.JOINED)

#: How long a process may be without a stream before it is forgotten, in seconds.
GRACE = 3.0


class Exchange:
    """The hub's memory.

    Nobody is given up for what this process has slept through itself: see ``Uptime``.

    Args:
        is_first: whether there certainly was no hub before that left processes behind.
        roster: the processes that were receiving from the hub before, id -> presence: nothing is
            forwarded until they are back. None when nobody knows.
        on_roster: called with that of this hub whenever it has changed, before anybody is told
            that anything is in force.
        chronicle: numbers and keeps what is published to topics with history.
        journal: where that is written down.
    """

    def __init__(
        self,
        *,
        is_first: bool,
        roster: Mapping[bytes, str] | None = None,
        on_roster: Callable[[Mapping[bytes, str]], None] = lambda roster: None,
        chronicle: Chronicle | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._epoch = uuid4().bytes
        self._uptime = Uptime()
        self._on_roster = on_roster
        self._sessions: dict[bytes, Session] = {}  # by the process' id
        self._due = Due()
        self._topics: dict[str, dict[Session, None]] = {}  # topic -> subscribers, in order
        self._queues = MessageQueues()
        self._marks = SenderMarks()
        # Processes that are forgotten, and have requests that are being worked on.
        self._absent: dict[bytes, Session] = {}
        self._left_out = LeftOut()
        self._roster: dict[bytes, str] = {}
        self._is_roster_due = False  # somebody has come or gone
        self._returning = Returning(roster, is_first=is_first)
        self._held: deque[tuple[Session, wire.Publish]] = deque()  # until they are back
        self._leases = suppression.Leases(is_first=is_first)
        self._desk = QueueDesk(self._queues)
        self.rolls = RollCall(self._queues, self._uptime, lambda: self.is_holding)
        self._sequencer = Sequencer(
            chronicle or make_chronicle(), self._topics, self._queues, journal or NoJournal()
        )
        # By the names of their frames.
        self._requests = self._request_handlers()
        self._others = self._other_handlers()

    @property
    def is_holding(self) -> bool:
        """Whether it holds what is published until processes are back."""
        return not self._returning.is_over

    @property
    def processes(self) -> set[bytes]:
        """The ids of those that it knows."""
        return set(self._sessions)

    @property
    def has_processes(self) -> bool:
        """Whether any process would miss this hub."""
        return any(not session.only_publishes for session in self._sessions.values())

    def history_figures(self) -> HistoryFigures:
        """How much history it keeps."""
        return self._sequencer.figures()

    # What the hub calls.

    def join(self, hello: wire.Hello, outbox: Outbox) -> Session:
        """A process has connected, for the first time or again."""
        session = self._session_of(hello)
        if session.outbox is not None:
            session.outbox.close()
            self.lost(session, session.outbox)
        session.connect(outbox)
        self._end_lease(session)  # on a new stream a process begins with publishing everything
        missed = self._left_out.take(session.id)
        session.write(wire.Welcome(epoch=self._epoch, missed=missed, features=FEATURES))
        self._take_over(session, hello)
        # What it has handled but could not acknowledge comes twice: it knows the numbers.
        session.redeliver()
        for follow in hello.followed:
            self._follow(session, follow)
        if hello.epoch not in (b"", self._epoch):
            self._returning.expect(hello.peers, self._uptime.now)
        self._look_who_is_back()
        self.rolls.take_over(session, hello, self._epoch)
        self._settle()
        session.inform(wire.Peers(processes=self._roster))
        return session

    def receive(self, session: Session, outbox: Outbox, batch: bytes) -> None:
        """Take what a process wrote on the stream of ``outbox``.

        Nothing happens when it has another stream by now, or has been forgotten: it says all that
        matters again.
        """
        self._due.changed[session] = None  # it may have asked for too much
        try:
            for field, kind in frame_codec.parse(batch):
                if session.outbox is not outbox:  # what comes before may have been its goodbye
                    break
                if field in self._requests:
                    self._request(session, field, kind)
                elif field in self._others:
                    self._others[field](session, kind)
        finally:
            self._settle()  # whatever happens: what was numbered is told, so it must be written

    def lost(self, session: Session, outbox: Outbox) -> None:
        """A stream has ended. Its process has a moment to come back."""
        if session.outbox is not outbox:
            return  # it is back already, or forgotten
        session.disconnect()
        self._desk.lost(session)

    def tick(self) -> None:
        """Do what time has brought."""
        self._uptime.tick()
        for session in list(self._sessions.values()):
            if session.has_gone(GRACE):
                self._leave_out(session)
            elif session.has_stalled(PATIENCE):
                self._cut_off(session, f"it hasn't read for {PATIENCE:g} seconds")
        for session in [session for session in self._absent.values() if not session.unanswered]:
            del self._absent[session.id]
        if self.is_holding:
            self._look_who_is_back()
        self._queues.sweep()
        self._leases.sweep()
        self._sequencer.sweep()
        self.rolls.tick()
        self._catch_up()
        self._settle()

    # Processes come and go.

    def _session_of(self, hello: wire.Hello) -> Session:
        """The one there is; a process that comes back also finds what it has asked for."""
        session = self._sessions.get(hello.process) or self._absent.pop(hello.process, None)
        if session is None:
            session = Session(hello.process, self._uptime, self._due)
        session.introduce(hello)
        self._sessions[hello.process] = session
        self._is_roster_due = True
        return session

    def _take_over(self, session: Session, hello: wire.Hello) -> None:
        """Bring a session to the state that its process describes."""
        # It may have unsubscribed while it was away.
        for topic in session.topics - set(hello.topics):
            self._leave(session, topic)
        session.followed.clear()
        for topic in hello.topics:
            self._enter(session, topic)
            session.after(self._leases.revoke(topic, but=session.id), lambda: None)
        for bind in hello.bindings:
            if not self._queues.is_bound(bind.topic, bind.queue):
                self._desk.bind(bind)
                self._leases.revoke(bind.topic)
        self._desk.take_over(session, hello.pulls)

    def _forget(self, session: Session) -> None:
        del self._sessions[session.id]
        self._is_roster_due = True
        for topic in list(session.topics):
            self._leave(session, topic)
        self._desk.forgotten(session)
        self.rolls.forget(session)
        session.abandon()
        if session.unanswered:
            self._absent[session.id] = session

    def _cut_off(self, session: Session, reason: str) -> None:
        logger.error(
            "process %s is cut off from the others, and misses what is sent to its groups, but to "
            "those whose history is kept: %s",
            session.name,
            reason,
        )
        self._leave_out(session)

    def _leave_out(self, session: Session) -> None:
        """Go on without a process. Should it come back, it is told so."""
        if session.is_receiving:
            self._left_out.add(session.id)
        self._forget(session)

    def _settle(self) -> None:
        """Do what has become due, for those whom the last change concerns.

        Not for all: a batch then costs the same however many processes are connected.
        """
        if not self.is_holding:
            self._release()
        if self._sequencer.is_due:
            self._sequencer.settle()
        for session in [session for session in self._due.changed if session.is_overrun]:
            self._cut_off(session, "it doesn't read what is sent to it")
        if self._is_roster_due or any(map(self._is_misplaced, self._due.changed)):
            self._tell_roster()
        for session in self._due.changed:
            if session.id in self._sessions:
                session.flush_answers()
        self._due.changed.clear()

    def _is_misplaced(self, session: Session) -> bool:
        """Whether a process has begun or ended to receive since the roster was made."""
        return session.is_receiving != (session.id in self._roster)

    def _tell_roster(self) -> None:
        self._is_roster_due = False
        # Should this hub be killed too, the next one has to wait for the same processes.
        roster = dict(self._returning.awaited)
        roster.update((s.id, s.presence) for s in self._sessions.values() if s.is_receiving)
        if roster != self._roster:
            self._roster = roster
            self._on_roster(roster)
            for session in self._sessions.values():
                session.inform(wire.Peers(processes=roster))

    # Waiting for the processes of the hub before.

    def _look_who_is_back(self) -> None:
        self._is_roster_due = True
        for process in self._returning.look(self._sessions.keys(), self._uptime.now):
            logger.error("process %s didn't come back, and misses what was sent", process.hex())
            self._left_out.add(process)

    def _release(self) -> None:
        """Forward what was held."""
        while self._held:
            session, publish = self._held.popleft()
            answer = self._publish(session, publish)
            if answer is not None:
                session.answer(publish.seq, answer, hurry=publish.confirm)

    # Requests: return the answer, or None when it comes later.

    def _request(self, session: Session, field: str, kind: Any) -> None:
        if not self._marks.advance(session.id, kind.seq):
            # It was sent again, on a new stream: the answer was lost, or comes when it is done.
            if field == "follow":
                self._follow(session, kind)
            self._answer_again(session, kind.seq)
            return
        session.unanswered.add(kind.seq)
        answer = self._requests[field](session, kind)
        if answer is not None:
            session.answer(kind.seq, answer, hurry=field != "publish" or kind.confirm)

    def _answer_again(self, session: Session, seq: int) -> None:
        if seq not in session.unanswered:
            session.after((), partial(session.answer, seq))

    def _publish(self, session: Session, publish: wire.Publish) -> bool | None:
        if publish.HasField("history"):
            # Held for nobody: who comes back catches up.
            session.unanswered.discard(publish.seq)
            target = append_codec.target_on_wire(publish)
            self._sequencer.append(session, target, publish.seq, [publish.payload])
            return None
        if self.is_holding:
            self._held.append((session, publish))
            return None
        # What a queue has no room for is dropped, as for a full member: the sender isn't told.
        self._queues.route(publish.topic, publish.payload)
        subscribers = self._topics.get(publish.topic, ())
        receivers = [receiver for receiver in subscribers if receiver is not session]
        if not receivers:
            session.answer(
                publish.seq,
                hurry=publish.confirm,
                unheard=not (session.only_publishes or self._queues.has_bound(publish.topic))
                and self._leases.grant(session.id, publish.topic, session.write),
            )
            return None
        delivery = Delivery(session, publish, len(receivers))
        # Encoded once, however many receive it.
        frame = frame_codec.encode(
            wire.Delivery(
                sender=session.id,
                seq=publish.seq,
                topic=publish.topic,
                payload=publish.payload,
                confirm=publish.confirm,
            )
        )
        for receiver in receivers:
            receiver.deliver(delivery, frame)
        return None

    def _appends(self, session: Session, appends: wire.Appends) -> None:
        if not append_codec.is_sound(appends):
            return  # no release writes that
        seq, count = appends.seq, len(appends.payloads)
        known = self._marks.advance_by(session.id, seq, count)
        for repeated in range(seq, seq + known):
            self._answer_again(session, repeated)
        for target, first, payloads in append_codec.runs_in(appends, known):
            self._sequencer.append(session, target, first, payloads)

    def _subscribe(self, session: Session, subscribe: wire.Subscribe) -> None:
        self._enter(session, subscribe.topic)
        # What it publishes itself never comes back to it.
        waits = self._leases.revoke(subscribe.topic, but=session.id)
        session.after(waits, partial(session.answer, subscribe.seq))

    def _follow(self, session: Session, follow: wire.Follow) -> bool:
        if not follow.once:
            self._enter(session, follow.topic)
            session.followed.add(follow.topic)
            # Nobody waits for those who publish without history: see `Sequencer`.
            self._leases.revoke(follow.topic, but=session.id)
        self._sequencer.tell_log(session, follow)
        return True

    def _bind(self, session: Session, bind: wire.Bind) -> None:
        self._desk.bind(bind)
        # A queue gets what its binder publishes, too.
        waits = self._leases.revoke(bind.topic)
        session.after(waits, partial(session.answer, bind.seq))

    def _unbind(self, session: Session, unbind: wire.Unbind) -> bool:
        self._queues.unbind(unbind.topic, unbind.queue)
        self._tell_others(session, wire.Unbound(topic=unbind.topic, queue=unbind.queue))
        return True

    def _clear(self, session: Session, clear: wire.Clear) -> bool:
        self._queues.clear_prefixed(clear.prefix)
        self._sequencer.clear(lambda topic: prefix_of(topic) == clear.prefix)
        self._tell_others(session, wire.Cleared(prefix=clear.prefix))
        return True

    def _tell_others(self, session: Session, kind: frame_codec.Kind) -> None:
        for other in self._sessions.values():
            if other is not session:
                other.inform(kind)

    # Other frames.

    def _unsubscribe(self, session: Session, unsubscribe: wire.Unsubscribe) -> None:
        self._leave(session, unsubscribe.topic)

    def _resumed(self, session: Session, resumed: wire.Resumed) -> None:
        self._leases.resumed(session.id, resumed.number, resumed.topic)
        self._catch_up()

    def _bye(self, session: Session, bye: wire.Bye) -> None:
        self._end_lease(session)
        self._forget(session)

    def _later(self, session: Session, number: int) -> None:
        session.write(wire.Unknown(number=number))

    # What is called for each frame.

    def _request_handlers(self) -> dict[str, Callable[[Session, Any], bool | None]]:
        return {
            "bind": self._bind,
            "clear": self._clear,
            "follow": self._follow,
            "publish": self._publish,
            "push": self._desk.push,
            "subscribe": self._subscribe,
            "unbind": self._unbind,
        }

    def _other_handlers(self) -> dict[str, Callable[[Session, Any], None]]:
        return {
            "appends": self._appends,
            "bye": self._bye,
            "handled": Session.handled,
            "later": self._later,
            "pull": self._desk.pull,
            "resumed": self._resumed,
            "taken": self._desk.taken,
            "unsubscribe": self._unsubscribe,
            "withdraw": self._desk.withdraw,
            **self.rolls.handlers,
        }

    # Helpers.

    def _end_lease(self, session: Session) -> None:
        self._leases.end(session.id)
        self._catch_up()

    def _catch_up(self) -> None:
        now = time.monotonic()
        for session in list(self._due.waiting):
            session.catch_up(now)

    def _enter(self, session: Session, topic: str) -> None:
        session.topics.add(topic)
        self._topics.setdefault(topic, {})[session] = None

    def _leave(self, session: Session, topic: str) -> None:
        session.topics.discard(topic)
        session.followed.discard(topic)
        subscribers = self._topics.get(topic)
        if subscribers is not None:
            subscribers.pop(session, None)
            if not subscribers:
                del self._topics[topic]
