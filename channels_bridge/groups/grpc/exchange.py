"""
The hub's side of the conversation: all processes, topics and named queues.

No I/O here. ``hub`` serves the streams: it calls ``join()`` for each new one, gives what it reads
to ``receive()``, writes what comes out of the session's outbox, and calls ``tick()`` now and then.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from channels_bridge.groups.grpc import frames
from channels_bridge.groups.grpc.marks import Marks
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.session import Delivery, HandingOut, Session
from channels_bridge.groups.grpc.silence import HUB_LEASE, Silence, Wait
from channels_bridge.groups.queues import Item, MessageQueues
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

__all__ = ["Exchange"]

logger = logging.getLogger("channels_bridge.groups")

# All in seconds.
GRACE = 1.0  # how long a process may be without a stream before it is forgotten
STALL = 5.0  # how long it may leave a delivery unhandled before it is cut off
RETURN = 3.0  # how long a new hub waits for the processes that were receiving from the old one
NEWS = 1.5  # how long it waits for the first of them: clients try to connect once a second


class Exchange:
    """
    The hub's memory.

    Args:
        is_successor: whether there was a hub before this one that left processes behind. Nothing is
            forwarded then until they are back. None when nobody knows.
    """

    def __init__(self, *, is_successor: bool | None) -> None:
        self._epoch = uuid4().bytes
        self._sessions: dict[bytes, Session] = {}  # by the process' id
        self._topics: dict[str, dict[Session, None]] = {}  # topic -> subscribers, in order
        self._queues = MessageQueues()
        self._marks = Marks()
        self._receiving: list[bytes] = []  # the processes told to all as peers
        self._started = time.monotonic()
        self._hold_until = self._started + NEWS if is_successor else self._started
        self._awaited: set[bytes] = set()  # processes that have to be back first
        self._held: deque[tuple[Session, wire.Publish]] = deque()
        self._is_holding = bool(is_successor)
        self._knows_awaited = False  # whether anybody has said whom to wait for
        self._silences: dict[Session, Silence] = {}
        # For the end of the silences that a hub before this one has allowed.
        self._wait = Wait(self._started if is_successor is False else self._started + HUB_LEASE)
        self._request_handlers: dict[str, Callable[[Session, Any], bool | None]] = {
            "bind": self._bind,
            "clear": self._clear,
            "publish": self._publish,
            "push": self._push,
            "subscribe": self._subscribe,
            "unbind": self._unbind,
        }
        self._handlers: dict[str, Callable[[Session, Any], None]] = {
            "bye": self._bye,
            "handled": Session.handled,
            "pull": self._pull,
            "resumed": self._resumed,
            "taken": self._taken,
            "unsubscribe": self._unsubscribe,
            "withdraw": self._withdraw,
        }

    @property
    def has_processes(self) -> bool:
        """Whether any process would miss this hub."""
        return bool(self._sessions)

    # What the hub calls.

    def join(self, hello: wire.Hello, outbox: Outbox) -> Session:
        """A process has connected, for the first time or again."""
        session = self._sessions.setdefault(hello.process, Session(hello.process))
        if session.outbox is not None:
            session.outbox.close()
            self.lost(session, session.outbox)
        session.connect(outbox)
        self._end_silence(session)
        session.write(wire.Welcome(epoch=self._epoch))
        self._take_over(session, hello)
        session.redeliver()
        self._expect(hello)
        self._settle()
        session.write(wire.Peers(processes=self._receiving))
        return session

    def receive(self, session: Session, batch: bytes) -> None:
        """Take what a process wrote. Nothing happens when it has been forgotten."""
        if session.outbox is None:
            return
        for field, kind in frames.parse(batch):
            if field in self._request_handlers:
                self._request(session, field, kind)
            elif field in self._handlers:
                self._handlers[field](session, kind)
        self._settle()

    def lost(self, session: Session, outbox: Outbox) -> None:
        """A stream has ended. Its process has a moment to come back."""
        if session.outbox is not outbox:
            return  # it is back already, or forgotten
        session.disconnect()
        for handing_out in session.pulls.values():
            self._queues.withdraw(handing_out.queue, handing_out.accept)

    def tick(self) -> None:
        """Do what time has brought."""
        now = time.monotonic()
        for session in list(self._sessions.values()):
            if session.lost_at is not None and now - session.lost_at > GRACE:
                self._forget(session)
            elif session.stalled_for(now) > STALL:
                self._cut_off(session, f"it hasn't read for {STALL:g} seconds")
        self._queues.sweep()
        for session, silence in list(self._silences.items()):
            if now >= silence.until:
                del self._silences[session]
        self._catch_up()
        self._settle()

    # Processes come and go.

    def _take_over(self, session: Session, hello: wire.Hello) -> None:
        """Bring a session to the state that its process describes."""
        for topic in session.topics - set(hello.topics):
            self._leave(session, topic)
        for topic in hello.topics:
            self._enter(session, topic)
            session.after(self._break_silences(topic, but=session), lambda: None)
        for bind in hello.bindings:
            if not self._queues.is_bound(bind.topic, bind.queue):
                self._bind_queue(bind)
                self._break_silences(bind.topic)
        waiting = {pull.id for pull in hello.pulls}
        for pull_id in session.pulls.keys() - waiting:
            del session.pulls[pull_id]  # its item has been taken
        for pull in hello.pulls:
            self._pull(session, pull)

    def _forget(self, session: Session) -> None:
        del self._sessions[session.id]
        for topic in list(session.topics):
            self._leave(session, topic)
        for pull_id in sorted(session.pulls, reverse=True):
            self._take_back(session.pulls.pop(pull_id))
        session.abandon_deliveries()
        if session.outbox is not None:
            session.flush_answers()
            session.outbox.close()
            session.outbox = None

    def _cut_off(self, session: Session, reason: str) -> None:
        logger.warning("process %s is disconnected: %s", session.id.hex(), reason)
        self._forget(session)

    def _settle(self) -> None:
        """Do what may have become due after any change."""
        if self._is_holding:
            self._release_if_complete()
        for session in [session for session in self._sessions.values() if session.is_overrun]:
            self._cut_off(session, "it doesn't read what is sent to it")
        self._tell_peers()
        for session in self._sessions.values():
            session.flush_answers()

    def _tell_peers(self) -> None:
        receiving = [s.id for s in self._sessions.values() if s.is_receiving]
        if self._is_holding:
            # Should this hub be killed too, the next one has to wait for the same processes.
            receiving += self._awaited - set(receiving)
        if receiving != self._receiving:
            self._receiving = receiving
            for session in self._sessions.values():
                session.write(wire.Peers(processes=receiving))

    # Waiting for the processes of the hub before.

    def _expect(self, hello: wire.Hello) -> None:
        """Wait for those that `hello` knows from another hub, unless that was long ago."""
        end = self._started + RETURN
        if hello.epoch and hello.epoch != self._epoch and time.monotonic() < end:
            self._knows_awaited = True
            self._awaited.update(hello.peers)
            self._hold_until = end
            self._is_holding = True

    def _release_if_complete(self) -> None:
        complete = self._knows_awaited and self._awaited <= self._sessions.keys()
        if not complete and time.monotonic() < self._hold_until:
            return
        self._is_holding = False
        while self._held:
            session, publish = self._held.popleft()
            answer = self._publish(session, publish)
            if answer is not None:
                session.answer(publish.seq, answer, hurry=publish.confirm)

    # Requests: return the answer, or None when it comes later.

    def _request(self, session: Session, field: str, kind: Any) -> None:
        if not self._marks.advance(session.id, kind.seq):
            if kind.seq not in session.unanswered:
                session.after((), partial(session.answer, kind.seq))
            return
        session.unanswered.add(kind.seq)
        answer = self._request_handlers[field](session, kind)
        if answer is not None:
            session.answer(kind.seq, answer, hurry=field != "publish" or kind.confirm)

    def _publish(self, session: Session, publish: wire.Publish) -> bool | None:
        if self._is_holding:
            self._held.append((session, publish))
            return None
        self._queues.route(publish.topic, publish.payload)
        subscribers = self._topics.get(publish.topic, ())
        receivers = [receiver for receiver in subscribers if receiver is not session]
        if not receivers:
            session.answer(
                publish.seq,
                hurry=publish.confirm,
                unheard=not self._queues.has_bound(publish.topic)
                and self._silence_of(session).add(publish.topic),
            )
            return None
        delivery = Delivery(session, publish, len(receivers))
        frame = frames.encode(
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

    def _subscribe(self, session: Session, subscribe: wire.Subscribe) -> None:
        self._enter(session, subscribe.topic)
        waits = self._break_silences(subscribe.topic, but=session)
        session.after(waits, partial(session.answer, subscribe.seq))

    def _push(self, session: Session, push: wire.Push) -> bool:
        if push.front:
            item = Item(time.monotonic() + push.expiry, push.payload)
            self._queues.push_front(push.queue, item)
            return True
        return self._queues.push(
            push.queue, push.payload, capacity=push.capacity, expiry=push.expiry
        )

    def _bind(self, session: Session, bind: wire.Bind) -> None:
        self._bind_queue(bind)
        waits = self._break_silences(bind.topic)
        session.after(waits, partial(session.answer, bind.seq))

    def _bind_queue(self, bind: wire.Bind) -> None:
        self._queues.bind(
            bind.topic,
            bind.queue,
            capacity=bind.capacity,
            expiry=bind.expiry,
            lifetime=bind.lifetime,
        )

    def _unbind(self, session: Session, unbind: wire.Unbind) -> bool:
        self._queues.unbind(unbind.topic, unbind.queue)
        self._tell_others(session, wire.Unbound(topic=unbind.topic, queue=unbind.queue))
        return True

    def _clear(self, session: Session, clear: wire.Clear) -> bool:
        self._queues.clear()
        self._tell_others(session, wire.Cleared())
        return True

    def _tell_others(self, session: Session, kind: frames.Kind) -> None:
        for other in self._sessions.values():
            if other is not session:
                other.write(kind)

    # Other frames.

    def _unsubscribe(self, session: Session, unsubscribe: wire.Unsubscribe) -> None:
        self._leave(session, unsubscribe.topic)

    def _pull(self, session: Session, pull: wire.Pull) -> None:
        handing_out = session.pulls.setdefault(pull.id, HandingOut(session, pull.id, pull.queue))
        if handing_out.item is not None:
            handing_out.resend()
        else:
            self._queues.pull(pull.queue, handing_out.accept)

    def _withdraw(self, session: Session, withdraw: wire.Withdraw) -> None:
        handing_out = session.pulls.pop(withdraw.id, None)
        if handing_out is not None:
            self._take_back(handing_out)
        session.write(wire.Withdrawn(id=withdraw.id))

    def _taken(self, session: Session, taken: wire.Taken) -> None:
        session.pulls.pop(taken.id, None)

    def _resumed(self, session: Session, resumed: wire.Resumed) -> None:
        silence = self._silences.get(session)
        if silence is not None:
            silence.resumed(resumed.number, resumed.topic)
            self._catch_up()

    def _bye(self, session: Session, bye: wire.Bye) -> None:
        self._end_silence(session)
        self._forget(session)

    # Silences.

    def _silence_of(self, session: Session) -> Silence:
        return self._silences.setdefault(session, Silence(session.write))

    def _break_silences(self, topic: str, but: Session | None = None) -> list[Wait]:
        """Somebody is about to listen. Returns what to wait for until all processes know."""
        waits = [
            silence.break_(topic)
            for session, silence in self._silences.items()
            if session is not but and topic in silence
        ]
        return waits if self._wait.is_over(time.monotonic()) else [*waits, self._wait]

    def _end_silence(self, session: Session) -> None:
        silence = self._silences.pop(session, None)
        if silence is not None:
            silence.end()
            self._catch_up()

    def _catch_up(self) -> None:
        now = time.monotonic()
        for session in self._sessions.values():
            session.catch_up(now)

    # Helpers.

    def _enter(self, session: Session, topic: str) -> None:
        session.topics.add(topic)
        self._topics.setdefault(topic, {})[session] = None

    def _leave(self, session: Session, topic: str) -> None:
        session.topics.discard(topic)
        subscribers = self._topics.get(topic)
        if subscribers is not None:
            subscribers.pop(session, None)
            if not subscribers:
                del self._topics[topic]

    def _take_back(self, handing_out: HandingOut) -> None:
        if handing_out.item is None:
            self._queues.withdraw(handing_out.queue, handing_out.accept)
        else:
            self._queues.push_front(handing_out.queue, handing_out.item)
