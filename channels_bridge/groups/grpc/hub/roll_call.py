"""The hub's roll call: keeps the attendance of all processes, and tells those who watch.

What processes say of presence is no request that is done once: said again it changes nothing, and
on a new stream they say all of it. So nothing piles up while there is no hub.

A new hub waits for the processes that were there before until it tells anybody anything, and lists
whom the others have seen: they have as long to come as after any other end. Nobody flaps.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import msgpack

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.grpc import roll_codec
from channels_bridge.groups.grpc.hub.recovery import PATIENCE
from channels_bridge.groups.grpc.hub.session import MAX_PENDING, Session
from channels_bridge.groups.grpc.hub.uptime import Uptime
from channels_bridge.groups.named_queues import MessageQueues
from channels_bridge.groups.presence.attendance import MAX_KEYS, Attendance, News
from channels_bridge.groups.presence.roll import RollChange
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

logger = logging.getLogger("channels_bridge.groups")


#: How many frames may wait to be read by a process before it is told of no more changes. It is told
#: all once it has read them.
MAX_WAITING = 1000


class RollCall:
    """Who is present at all processes of a hub.

    Args:
        queues: get the news of who comes and goes.
        uptime: the hub's.
        is_holding: whether the hub waits for processes that were there before.
    """

    def __init__(
        self, queues: MessageQueues, uptime: Uptime, is_holding: Callable[[], bool]
    ) -> None:
        self.attendance: Attendance[Session] = Attendance(self._push)
        self._queues = queues
        self._uptime = uptime
        self._is_holding = is_holding
        self._moved: set[Session] = set()  # those that come from another hub
        self._held: deque[tuple[Session, wire.Watch]] = deque()  # until all are back
        self._behind: dict[tuple[Session, str], None] = {}  # that are told no changes, but all
        self._notices = Notices(logger)

    @property
    def handlers(self) -> dict[str, Callable[[Session, Any], None]]:
        """What to do with frames, by their names."""
        return {"absent": self.absent, "present": self.present, "watch": self.watch}

    # What the exchange calls.

    def take_over(self, session: Session, hello: wire.Hello, epoch: bytes) -> None:
        """Bring a session to the state that its process describes."""
        now = self._uptime.now
        if hello.epoch not in (b"", epoch):
            self._moved.add(session)
        kept = {(present.topic, present.key) for present in hello.present if not present.expected}
        self.attendance.keep_only(session, kept, now)
        for present in hello.present:
            if not present.expected:
                self._enter(session, present)
            elif session in self._moved and now < PATIENCE:  # else they had the time to come
                terms = roll_codec.terms_in(present)
                self.attendance.expect(present.topic, present.key, present.info, terms, now)
        for topic in set(self.attendance.watched_by(session)) - set(hello.watched):
            self.attendance.unwatch(session, topic)
        self._forget_behind(session)
        # A moment later: what there was no room for in Hello follows it.
        self._held.extend((session, wire.Watch(topic=topic)) for topic in hello.watched)

    def present(self, session: Session, present: wire.Present) -> None:
        """Somebody is connected to a process."""
        has_room = self._enter(session, present)
        session.answer(present.seq, has_room, hurry=False)

    def absent(self, session: Session, absent: wire.Absent) -> None:
        """Somebody isn't any more."""
        self.attendance.leave(session, absent.topic, absent.key, self._uptime.now)
        session.answer(absent.seq, hurry=False)

    def watch(self, session: Session, watch: wire.Watch) -> None:
        """A process wants to know who is present, or not any more."""
        if watch.off:
            self._unwatch(session, watch.topic)
        elif self._is_holding() and len(self._held) < MAX_PENDING:
            self._held.append((session, watch))
        else:
            self._answer(session, watch)

    def forget(self, session: Session) -> None:
        """A process has ended: its users have a while to come back."""
        self.attendance.forget(session, self._uptime.now)
        self._moved.discard(session)
        self._held = deque(held for held in self._held if held[0] is not session)
        self._forget_behind(session)

    def tick(self) -> None:
        """Tell what is due."""
        if self._is_holding():
            return
        while self._held:
            self._answer(*self._held.popleft())
        self._tell_behind()
        for topic, change, watchers in self.attendance.pass_time(self._uptime.now):
            for session in watchers:
                if _is_full(session):
                    self._behind[session, topic] = None
                if (session, topic) not in self._behind:
                    _tell(session, topic, change)

    # Helpers.

    def _tell_behind(self) -> None:
        """Tell those all who didn't read, and have read now."""
        for session, topic in [each for each in self._behind if not _is_full(each[0])]:
            del self._behind[session, topic]
            self._answer(session, wire.Watch(topic=topic))

    def _forget_behind(self, session: Session, topic: str | None = None) -> None:
        """Don't have a process told all later, of one topic or of any."""
        for each in [each for each in self._behind if each[0] is session]:
            if topic in (None, each[1]):
                del self._behind[each]

    def _enter(self, session: Session, present: wire.Present) -> bool:
        has_room = self.attendance.enter(
            session,
            present.topic,
            present.key,
            present.info,
            roll_codec.terms_in(present),
            self._uptime.now,
            is_known=present.known and session in self._moved,
        )
        if not has_room:
            self._notices.log(
                logging.ERROR,
                "room",
                "%d users are listed as present, and no more can be: others are not shown until "
                "some leave; list fewer groups in `presence` of the layer's CONFIG",
                MAX_KEYS,
            )
        return has_room

    def _answer(self, session: Session, watch: wire.Watch) -> None:
        now, topic = self._uptime.now, watch.topic
        if not watch.once:
            _tell(session, topic, self.attendance.watch(session, topic, now))
        elif watch.count:
            count = self.attendance.count(topic)
            _tell(session, topic, RollChange(0, True, {}, (), count), once=watch.seq)
        else:
            change = roll_codec.whole(self.attendance.roll(topic, now))
            _tell(session, topic, change, once=watch.seq)

    def _unwatch(self, session: Session, topic: str) -> None:
        self._held = deque(
            (other, watch)
            for other, watch in self._held
            if other is not session or watch.topic != topic or watch.once
        )
        self._forget_behind(session, topic)
        self.attendance.unwatch(session, topic)

    def _push(self, news: News) -> None:
        """Push an event for the consumer that ``runworker`` runs."""
        terms = news.terms
        payload = msgpack.packb(news.event())
        if not self._queues.push(
            terms.queue, payload, capacity=terms.capacity, expiry=terms.expiry
        ):
            self._notices.warn(
                terms.queue,
                "who comes and goes is not told any more to channel %s, which is full: run more "
                "workers for it, or raise its `channel_capacity`",
                terms.queue.rpartition("/")[2],
            )


def _is_full(session: Session) -> bool:
    return session.outbox is not None and len(session.outbox) > MAX_WAITING


def _tell(session: Session, topic: str, change: RollChange, once: int = 0) -> None:
    for part in roll_codec.split(topic, change, once):
        session.write(part)
