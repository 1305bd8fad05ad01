"""A session: one connection whose client speaks the protocol.

It is the connection's ``Listener``: asked for claims and told of joins by its channel layer. The
attribution tells it of the messages that are handled, and it tells the client, by the connection's
sender, where it is. Used on the event loop of the connection.

What it promises is in ``migration_guide/resume_protocol.md``. Two rules hold it up:

- The client's position moves past an entry when its handler has returned, and not before; or when
  it has failed or closed the connection, so that no message fails a client again and again.
- What the client can't see from frames it is told, at the latest within a beat.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from channels_bridge.groups.history.member_listener import LogEvent, Notice
from channels_bridge.groups.history.position import Answer, Claim, Entry, Position, Why
from channels_bridge.groups.presence.roll import RollChange
from channels_bridge.resume import resume_counters, tickets
from channels_bridge.resume.control_messages import control_text, presence_text
from channels_bridge.resume.negotiation import Resumption
from channels_bridge.resume.open_entry import OpenEntry, current
from channels_bridge.resume.own_echo import recognise_echo
from channels_bridge.resume.places import Place
from channels_bridge.resume.pulse import Pulse
from channels_bridge.resume.tagging_sender import TaggingSender, join
from channels_bridge.resume.tags import tag_of, tags_of
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.frames import Payload

# Not a logger of this room's own: users filter by the four names that the guide lists.
logger = logging.getLogger("channels_bridge.server")

VERSION = 1
#: Seconds: the least and the most of a client's back-off. Phoenix and AnyCable begin higher; with
#: full jitter that is not needed.
RETRY = (0.1, 30)


class ResumeSession:
    """What the server knows of a client that speaks the protocol.

    Args:
        connection: the client's, whose handshake is not decided yet. It gets another sender.
        scope: of the connection.
        asked: what the client has asked for.
        pulse: of the worker.

    Attributes:
        channel_name: of this connection, once it has one.
        policy_of: returns a group's policy, for whether it wants own echoes recognised.
        hears_presence: whether the consumer has a handler for ``presence.changed``.
        name_of: returns what the page calls a group; None where it has no name.
        part: the pulse's.
    """

    speaks = True

    __slots__ = (
        "_claims",
        "_is_muted",
        "_names",
        "_over",
        "_places",
        "_pulse",
        "_renewal",
        "_unsaid",
        "_identity",
        "channel_name",
        "hears_presence",
        "name_of",
        "part",
        "policy_of",
        "scope",
        "sender",
    )

    def __init__(
        self,
        connection: WebSocketConnection,
        scope: Mapping[str, Any],
        asked: Resumption,
        pulse: Pulse,
    ) -> None:
        self.scope = scope
        self.sender = TaggingSender(connection, self, pulse)
        connection.sender = self.sender
        self.channel_name = ""
        self.hears_presence = False
        self.policy_of: Callable[[str], Any] = nothing_known
        self.name_of: Callable[[str], str | None] = nothing_known
        self.part = 0
        self._pulse = pulse
        self._claims = asked.claims
        self._over = asked.over
        self._identity = tickets.identity_in(scope)
        self._names = tickets.names_in(asked.token, self._identity)
        self._places: dict[str, Place] = {}  # by group
        self._renewal = 0.0  # when tickets are renewed, in the loop's time
        self._unsaid: list[str] = []  # until it is accepted; few, as that may not take long
        self._is_muted = False  # whether the client is not to be greeted

    def mute(self) -> None:
        """Accept without a greeting: the connection is closed at once."""
        self._is_muted = True

    # What the channel layer asks and tells (Listener)

    def claim(self, group: str) -> Claim | Why | None:
        """Where the client was in this group; why its word does not count; None: it was not."""
        for tag in tags_of(group):
            if tag in self._claims:
                return tickets.claim_of(self._claims[tag], group, self._identity)
        return None

    def joined(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        """It is a member now, from this position on. Its messages follow."""
        place = Place(group, answer, position, why)
        self._take_claim(group, place)
        place.name = _name(self.name_of, group)
        place.has_echo = getattr(self.policy_of(group), "echo", True)
        self._places[group] = place
        self._answer(group, place)

    def _take_claim(self, group: str, place: Place) -> None:
        claim = self.claim(group)
        known = [tag for tag in tags_of(group) if self._claims.pop(tag, None) is not None]
        if known and known[0] != place.tag:
            place.was = known[0]
        if place.answer is Answer.OK and isinstance(claim, Claim):
            place.frames = claim.frames

    def left(self, group: str) -> None:
        """It is no longer a member."""
        place = self._places.pop(group, None)
        if place is not None:
            place.is_left = True
            if place.answer is None:
                self._tell(t="left", g=place.tag)

    def roll(self, group: str, change: RollChange) -> None:
        """Others have come to the group, or gone."""
        tag = tag_of(group)
        if group not in self._places and change.is_whole:
            name = _name(self.name_of, group)
            if name is not None:
                self._say(control_text({"t": "at", "g": tag, "n": name}))
        self._say(presence_text(tag, change))

    # The connection's life (of which the sender tells)

    def opened(self) -> None:
        """Greet the client, and tell it of the groups that it is in already."""
        if self._is_muted:
            return
        self._renewal = asyncio.get_running_loop().time() + tickets.RENEWAL
        hello = {"t": "hello", "v": VERSION, "beat": self._pulse.beat, "retry": RETRY}
        self._tell(**hello, c=self._token(), over=self._over or None)
        for group, place in self._places.items():
            self._answer(group, place)
        unsaid, self._unsaid = self._unsaid, []
        for text in unsaid:
            self.sender.announce(text)
        self._pulse.start(self)

    def closing(self) -> None:
        """Tell the client where it is, before the close frame."""
        entry = current.get()
        if entry is not None and entry.owner is self.sender and not entry.is_done:
            self.finish(entry)  # its own handler has done this: it would do it again
        if self.sender.is_open and not self.sender.is_full:
            self._tell_positions()

    def ended(self) -> None:
        """Nobody is to be visited any more."""
        self._pulse.stop(self)

    def visit(self, now: float) -> None:
        """Tell positions, renew tickets, or beat; at least one visit of two says something."""
        if self.sender.is_full:
            return
        identity = tickets.identity_in(self.scope)
        if now > self._renewal or identity != self._identity:
            self._identity = identity
            self._renewal = now + tickets.RENEWAL
            self._renew()
        self._tell_positions()
        if self.sender.is_silent:
            self._tell(t="beat")
        self.sender.is_silent = True

    def announce_end(self, within: float) -> None:
        """The worker ends: the client should go within so many seconds."""
        self._tell(t="bye", within=within)

    # What the consumer handles (of which the attribution tells)

    def begin(self, event: LogEvent) -> OpenEntry | None:
        """Return what is sent for from now on; None where the client has no place for it."""
        entry, place = event.entry, self._places.get(event.group)
        if place is None or not entry.offset or place.is_past(entry):
            return None
        if self._names and place.has_echo:
            recognise_echo(event, self._names, self.channel_name)
        if place.epoch != entry.epoch:
            place.begin_epoch(entry)
            self._tell(t="at", g=place.tag, **self._placed(event.group, place))
        if event.is_replay:
            resume_counters.messages["replayed"] += 1
        return OpenEntry(self.sender, event.group, place, entry, event.frames)

    def send_shared(self, group: str, entry: Entry, content: Payload | None) -> bool:
        """Send what a shared handler has made of an entry, if that can be done at once."""
        place = self._places.get(group)
        if place is None or not entry.offset or place.is_past(entry):
            return content is None or self.sender.send_now(content)
        if place.epoch != entry.epoch:
            place.begin_epoch(entry)
            self._tell(t="at", g=place.tag, **self._placed(group, place))
        if content is None:
            place.done = entry.offset
            if place.is_overdue:
                self._tell_position(place)
            return True
        if not self.sender.send_tagged(join(f"{place.tag}:{entry.offset};", content)):
            return False
        place.done = place.told = entry.offset
        return True

    def finish(self, entry: OpenEntry) -> None:
        """The handler has returned: the client is past the entry."""
        place = entry.place
        place.done = entry.entry.offset
        if self.sender.finish(entry):
            place.told = place.done
        elif entry.frames or entry.skip or place.is_overdue:
            self._tell_position(place)

    def fail(self, entry: OpenEntry) -> None:
        """The handler has failed: the client is past the entry all the same, and is told so."""
        entry.is_done = True
        if not entry.place.is_left:
            entry.place.move(entry.entry.position, Why.FAILED)
            self._answer(entry.group, entry.place)

    def notice(self, event: Notice) -> None:
        """Tell the client that something is missing, or that it has caught up."""
        place = self._places.get(event.group)
        if place is None:
            return
        if event.why is not None:
            place.move(event.position, event.why)
            self._answer(event.group, place)
        elif place.owes_live:
            place.is_live = True
            self._tell_live(place)

    # What the client is told

    def _answer(self, group: str, place: Place) -> None:
        """Tell what came of a join, or that something is missing."""
        if place.answer is None or not self.sender.is_open:
            return
        answer, why = place.answer.value, place.why and place.why.value
        place.answer = None
        resume_counters.note(group, answer, why)
        placed = self._placed(group, place)
        said = {"i": place.frames or None, "n": place.name, "r": answer, "why": why}
        self._tell(t="at", g=place.tag, **placed, **said, was=place.was)
        self._tell_live(place)

    def _placed(self, group: str, place: Place) -> dict[str, Any]:
        place.told = place.done
        ticket = tickets.make_ticket(group, self._identity, place.position)
        return {"e": place.epoch, "o": place.done, "k": ticket}

    def _tell_live(self, place: Place) -> None:
        if place.is_live and place.owes_live and place.answer is None and self.sender.is_open:
            place.owes_live = False
            self._tell(t="live", g=place.tag)

    def _tell_positions(self) -> None:
        for place in self._places.values():
            if place.is_untold and place.answer is None:
                self._tell_position(place)

    def _tell_position(self, place: Place) -> None:
        if self.sender.is_open and not place.is_left:
            place.told = place.done
            self._tell(t="at", g=place.tag, o=place.done)

    def _renew(self) -> None:
        for group, place in self._places.items():
            if place.answer is None:
                # For what the client knows: it may break off before it is told more.
                position = Position(place.epoch, place.told)
                ticket = tickets.make_ticket(group, self._identity, position)
                self._tell(t="at", g=place.tag, k=ticket)
        self._tell(t="beat", c=self._token())

    def _token(self) -> str:
        own = (tickets.name_digest(self.channel_name),) if self.channel_name else ()
        return tickets.make_token(self._identity, self._names + own)

    def _tell(self, **fields: Any) -> None:
        if self.sender.is_open:
            self.sender.announce(control_text(fields))

    def _say(self, text: str) -> None:
        """Tell it, or as soon as the connection is accepted."""
        if self.sender.is_open:
            self.sender.announce(text)
        else:
            self._unsaid.append(text)


def nothing_known(group: str) -> None:
    """Stand for what nobody knows of a group."""


def _name(name_of: Callable[[str], str | None], group: str) -> str | None:
    try:
        name = name_of(group)
    except Exception:
        logger.exception("name_for_page(%r) failed: the page gets no name for this group", group)
        return None
    return None if name is None else str(name)
