"""A process' conversation with the hub about presence: who is here, and who is anywhere.

Nothing of it is a request that waits for its turn: on each stream Hello says all that is so here,
and what changes afterwards is said as it does. So nothing piles up while there is no hub. Answers
only say what need not be news for the next hub.

No I/O here either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from channels_bridge.groups.grpc import roll_codec
from channels_bridge.groups.grpc.process.history_client import HistoryClient
from channels_bridge.groups.presence.presence_transport import RollWatcher
from channels_bridge.groups.presence.roll import RollChange, Terms
from channels_bridge.groups.transport_interface import Deliver
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

#: About how many bytes of keys Hello has at most. The others follow it.
MAX_HELLO = 8 * 1024 * 1024

#: How much may be said that the hub hasn't confirmed: else a stuck hub would fill the outbox.
MAX_UNCONFIRMED = 10_000

Name = tuple[str, str]
"""A topic and a key."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a key."""

    info: bytes
    terms: Terms


@dataclass(eq=False, slots=True)
class Asking:
    """Somebody waits for a roll, or for the number of its keys."""

    seq: int
    topic: str
    is_count: bool
    answer: asyncio.Future[RollChange]


class NoWatcher(RollWatcher):
    """Watches nothing."""

    def on_roll(self, topic: str, roll: RollChange) -> None:
        pass

    def last_roll(self, topic: str) -> Mapping[str, bytes]:
        return {}


class PresenceClient(HistoryClient):
    """One process at the hub that also says who is connected to it.

    Attributes:
        watcher: who is called; to be set before anything is watched.
        knows_presence: whether the hub does; that is believed until it has said so.
    """

    def __init__(self, deliver: Deliver, prefix: str = "") -> None:
        super().__init__(deliver, prefix)
        self.watcher: RollWatcher = NoWatcher()
        self.knows_presence = True
        self._present: dict[Name, Told] = {}
        self._listed: dict[Name, Told] = {}  # what a hub has confirmed
        self._unconfirmed: dict[int, tuple[Name, Told | None]] = {}  # by number, on this stream
        self._unsaid: dict[Name, None] = {}  # until some of those are confirmed
        self._watched: dict[str, Terms] = {}
        self._askings: dict[int, Asking] = {}
        self._roll_parts: dict[tuple[str, int], list[wire.Roll]] = {}
        self._is_in_step = False  # whether Hello has been taken, and changes are said as they come
        self._in_hello: dict[Name, Told] = {}
        self._watched_in_hello: set[str] = set()

    # What the transport asks for.

    def present(self, topic: str, key: str, info: bytes, terms: Terms) -> None:
        """Somebody is connected here, or their info has changed."""
        self._present[topic, key] = Told(info, terms)
        self._change((topic, key))

    def absent(self, topic: str, key: str) -> None:
        """Somebody isn't connected here any more."""
        if self._present.pop((topic, key), None) is not None:
            self._change((topic, key))

    def watch(self, topic: str, terms: Terms) -> None:
        """Be told who is present."""
        self._watched[topic] = terms
        if self._is_in_step:
            self._write(wire.Watch(topic=self._prefix + topic))

    def unwatch(self, topic: str) -> None:
        """Be told no longer."""
        self._roll_parts.pop((topic, 0), None)
        if self._watched.pop(topic, None) is not None and self._is_in_step:
            self._write(wire.Watch(topic=self._prefix + topic, off=True))

    def ask_roll(self, topic: str, *, is_count: bool) -> Asking:
        """Ask who is present, or how many. Call ``end_asking()`` in the end."""
        asking = Asking(self._next_number(), topic, is_count, self._loop.create_future())
        self._askings[asking.seq] = asking
        if self._is_in_step:
            self._ask(asking)
        return asking

    def end_asking(self, asking: Asking) -> None:
        """Nobody waits any more."""
        self._askings.pop(asking.seq, None)
        self._roll_parts.pop((asking.topic, asking.seq), None)

    # What the link calls.

    def disconnected(self) -> None:
        super().disconnected()
        self._is_in_step = False
        self._unconfirmed.clear()
        self._unsaid.clear()
        self._roll_parts.clear()

    def _hello(self) -> wire.Hello:
        hello = super()._hello()
        self._in_hello = {}
        room = MAX_HELLO
        for name, told in self._present.items():
            room -= len(name[0]) + len(name[1]) + len(told.info) + 64
            if room < 0:
                break
            self._in_hello[name] = told
            hello.present.append(self._wire_present(name, told))
        for name, told in self._to_expect().items():
            room -= len(name[0]) + len(name[1]) + len(told.info) + 64
            if room < 0:
                break
            present = self._wire_present(name, told)
            present.expected = True
            hello.present.append(present)
        self._watched_in_hello = set(self._watched)
        hello.watched.extend(self._prefix + topic for topic in self._watched)
        return hello

    def _to_expect(self) -> dict[Name, Told]:
        """Who was here, or is elsewhere: a new hub should wait for them as well."""
        expected = {name: told for name, told in self._listed.items() if name not in self._present}
        for topic, terms in self._watched.items():
            for key, info in self.watcher.last_roll(topic).items():
                if (topic, key) not in self._present:
                    expected[topic, key] = Told(info, terms)
        return expected

    # One method per frame.

    def _on_welcome(self, welcome: wire.Welcome) -> None:
        super()._on_welcome(welcome)
        self.knows_presence = roll_codec.FEATURE in welcome.features
        if not self.knows_presence:
            if self._present or self._watched or self._askings:
                self._tell_once(
                    "the groups hub is of an earlier release and does not know who is present: "
                    "nobody is shown until it is restarted with the release of its processes"
                )
            return
        self._is_in_step = True
        self._catch_up()
        for asking in self._askings.values():
            self._ask(asking)

    def _catch_up(self) -> None:
        """Say what has changed since Hello, and what it had no room for."""
        said, self._in_hello = self._in_hello, {}
        for name in [*self._present, *(name for name in said if name not in self._present)]:
            if self._present.get(name) != said.get(name):
                self._change(name)
        for topic in self._watched.keys() - self._watched_in_hello:
            self._write(wire.Watch(topic=self._prefix + topic))
        for topic in self._watched_in_hello - self._watched.keys():
            self._write(wire.Watch(topic=self._prefix + topic, off=True))
        self._watched_in_hello = set()
        known = {name: told for name, told in self._listed.items() if name in self._present}
        self._listed = {**known, **said}

    def _on_settled(self, settled: wire.Settled) -> None:
        super()._on_settled(settled)
        if self._unconfirmed:
            for seq in settled.seqs:
                self._confirm(seq, is_refused=seq in settled.refused)

    def _confirm(self, seq: int, *, is_refused: bool) -> None:
        if seq not in self._unconfirmed:
            return
        name, told = self._unconfirmed.pop(seq)
        if told is None or is_refused:
            self._listed.pop(name, None)
        else:
            self._listed[name] = told
        if self._unsaid:
            self._say(self._unsaid.popitem()[0])

    def _on_roll(self, roll: wire.Roll) -> None:
        topic = roll.topic.removeprefix(self._prefix)
        parts = self._roll_parts.setdefault((topic, roll.once), [])
        parts.append(roll)
        if roll.more:
            return
        del self._roll_parts[topic, roll.once]
        change = roll_codec.join(parts)
        if not roll.once:
            if topic in self._watched:
                self.watcher.on_roll(topic, change)
            return
        asking = self._askings.get(roll.once)
        if asking is not None and not asking.answer.done():
            asking.answer.set_result(change)

    # Helpers.

    def _next_number(self) -> int:
        self._seq += 1
        return self._seq

    def _change(self, name: Name) -> None:
        """Say what is so of a key now; later, where the hub doesn't keep up."""
        if not self._is_in_step:
            return  # Hello will
        if len(self._unconfirmed) < MAX_UNCONFIRMED:
            self._say(name)
        else:
            self._unsaid[name] = None

    def _say(self, name: Name) -> None:
        """Say what is so of a key now."""
        told = self._present.get(name)
        seq = self._next_number()
        self._unconfirmed[seq] = (name, told)
        if told is None:
            self._write(wire.Absent(seq=seq, topic=self._prefix + name[0], key=name[1]))
        else:
            present = self._wire_present(name, told)
            present.seq = seq
            self._write(present)

    def _ask(self, asking: Asking) -> None:
        topic = self._prefix + asking.topic
        watch = wire.Watch(seq=asking.seq, topic=topic, once=True, count=asking.is_count)
        self._write(watch)

    def _wire_present(self, name: Name, told: Told) -> wire.Present:
        topic, key = name
        present = roll_codec.wire_present(topic, key, told.info, told.terms, self._prefix)
        present.known = name in self._listed
        return present
