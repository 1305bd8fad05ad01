"""A session: one connection whose client speaks the protocol.

It is the connection's ``Listener``: asked for claims and told of joins by its channel layer. The
attribution tells it of the messages that are handled, and it tells the client, by the connection's
sender, where it is. Used on the event loop of the connection.

What it promises is in ``migration_guide/resume_protocol.md``. Two rules hold it up:

- The client's position moves past an entry when its handler has returned, and not before; or when
  it has failed or closed the connection, so that no message fails a client again and again.
- What the client can't see from frames it is told, at the latest within a beat.
- Where it begins in a group it is told when the handler that has joined has returned: what that has
  sent, as a first state, is before it, and whoever breaks off between the two begins anew.
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
from channels_bridge.resume.negotiation import Claimed, Resumption
from channels_bridge.resume.open_entry import OpenEntry, current
from channels_bridge.resume.own_echo import recognise_echo
from channels_bridge.resume.places import Place
from channels_bridge.resume.pulse import Pulse
from channels_bridge.resume.tagging_sender import TaggingSender, join
from channels_bridge.resume.tags import tag_of, tags_of
from channels_bridge.resume.telling import Telling
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.frames import Payload

# Not a logger of this room's own: users filter by the four names that the guide lists.
logger = logging.getLogger("channels_bridge.server")

VERSION = 1
#: Seconds: the least and the most of a client's back-off. Phoenix and AnyCable begin higher; with
#: full jitter that is not needed.
RETRY = (0.1, 30)
#: Of nearly all, once they have joined: one for all, as an empty dict takes 64 bytes.
NO_CLAIMS: dict[str, Claimed | None] = {}


class ResumeSession:
    """What the server knows of a client that speaks the protocol.

    Args:
        connection: the client's, whose handshake is not decided yet. It gets another sender.
        scope: of the connection.
        asked: what the client has asked for.
        pulse: of the worker.

    Attributes:
        channel_name: of this connection, once it has one.
        layer: the channel layer, which knows whether a group wants own echoes recognised.
        hears_presence: whether the consumer has a handler for ``presence.changed``.
        name_of: returns what the page calls a group; None where it has no name.
        is_handling: whether a handler of the consumer runs, or was the last to and has failed.
        part: the pulse's.
    """

    speaks = True

    __slots__ = (
        "_claims",
        "_client",
        "_earlier",
        "_has_held",
        "_identity",
        "_is_muted",
        "_names",
        "_over",
        "_places",
        "_pulse",
        "_renewal",
        "_watched",
        "channel_name",
        "hears_presence",
        "is_handling",
        "layer",
        "name_of",
        "part",
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
        self.is_handling = False
        self.layer: Any = None
        self.name_of: Callable[[str], str | None] = nothing_known
        self.part = 0
        self._pulse = pulse
        self._claims = asked.claims or NO_CLAIMS
        self._over = asked.over
        self._client = Telling(self.sender)
        self._earlier = asked.token
        self._identity = tickets.NOBODY  # whom its token is for
        self._names: tuple[bytes, ...] = ()  # of its channels before
        self._places: dict[str, Place] = {}  # by group
        self._watched: frozenset[str] = frozenset()  # groups that have presence and no history
        self._renewal = 0.0  # when tickets are renewed, in the loop's time
        self._is_muted = False  # whether the client is not to be greeted
        self._has_held = False  # whether it is to be told of joins when the handler has returned

    def mute(self) -> None:
        """Accept without a greeting: the connection is closed at once."""
        self._is_muted = True

    # What the channel layer asks and tells (Listener)

    def claim(self, group: str) -> Claim | Why | None:
        """Where the client was in this group; why its word does not count; None: it was not."""
        for tag in tags_of(group):
            if tag in self._claims:
                identity = tickets.identity_in(self.scope)
                return tickets.claim_of(self._claims[tag], group, identity)
        return None

    def joined(self, group: str, answer: Answer, position: Position, why: Why | None) -> None:
        """It is a member now, from this position on. Its messages follow."""
        place = Place(group, tickets.identity_in(self.scope), answer, position, why)
        self._take_claim(group, place)
        place.name = _name(self.name_of, group)
        place.obey(self.layer, group)
        self._places[group] = place
        self._answer(group, place)

    def _answer(self, group: str, place: Place) -> None:
        if self.is_handling and place.answer is not Answer.OK:
            self._has_held = True
            self._client.warn(group, place)
        else:
            self._client.answer(group, place)

    def _take_claim(self, group: str, place: Place) -> None:
        claim = self.claim(group)
        known = [tag for tag in tags_of(group) if self._claims.pop(tag, None) is not None]
        self._claims = self._claims or NO_CLAIMS
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
                self._client.tell(t="left", g=place.tag)
        elif group in self._watched:
            self._watched -= {group}
            self._client.tell(t="left", g=tag_of(group))

    def roll(self, group: str, change: RollChange) -> None:
        """Others have come to the group, or gone."""
        tag = tag_of(group)
        if group not in self._places and change.is_whole:
            self._watched |= {group}
            name = _name(self.name_of, group)
            if name is not None:
                self._client.say_later(control_text({"t": "at", "g": tag, "n": name}))
        self._client.say_later(presence_text(tag, change))

    # The connection's life (of which the sender tells)

    def opened(self) -> None:
        """Greet the client, and tell it of the groups that it is in already."""
        if self._is_muted:
            return
        self._renewal = asyncio.get_running_loop().time() + tickets.RENEWAL
        # Now, as the consumer may have found out only while it connected who this is.
        self._identity = tickets.identity_in(self.scope)
        self._names, self._earlier = tickets.names_in(self._earlier, self._identity), None
        hello = {"t": "hello", "v": VERSION, "beat": self._pulse.beat, "retry": RETRY}
        self._client.tell(**hello, c=self._token(), over=self._over or None)
        for group, place in self._places.items():
            self._answer(group, place)
        self._client.say_now()
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
        if now > self._renewal:
            self._renewal = now + tickets.RENEWAL
            self._renew()
        self._tell_positions()
        if self.sender.is_silent:
            self._client.tell(t="beat")
        self.sender.is_silent = True

    def announce_end(self, within: float) -> None:
        """The worker ends: the client should go within so many seconds."""
        self._client.tell(t="bye", within=within)

    def _tell_positions(self) -> None:
        for place in self._places.values():
            if place.is_untold and place.answer is None:
                self._client.tell_position(place)

    def _renew(self) -> None:
        for group, place in self._places.items():
            self._client.renew(group, place)
        self._client.tell(t="beat", c=self._token())

    def _token(self) -> str:
        own = (tickets.name_digest(self.channel_name),) if self.channel_name else ()
        return tickets.make_token(self._identity, self._names + own)

    # What the consumer handles (of which the attribution tells)

    def begin(self, event: LogEvent) -> OpenEntry | None:
        """Return what is sent for from now on; None where the client has no place for it."""
        entry, place = event.entry, self._places.get(event.group)
        if place is None or not entry.offset:
            return None
        if place.epoch != entry.epoch:
            place.begin_epoch(entry)
            self._client.place(event.group, place)
        elif entry.offset <= place.done:
            return None  # of an earlier membership, which the client is past
        if self._names and place.has_echo:
            recognise_echo(event, self._names, self.channel_name)
        if event.is_replay:
            resume_counters.messages["replayed"] += 1
        return OpenEntry(self.sender, event.group, place, entry, event.frames)

    def recognises_echo(self, group: str) -> bool:
        """Whether messages of a group may be changed for this client, in ``begin``."""
        place = self._places.get(group)
        return place is not None and place.has_echo and bool(self._names)

    def send_shared(self, group: str, entry: Entry, content: Payload | None) -> bool:
        """Send what a shared handler has made of an entry, if that can be done at once."""
        place = self._places.get(group)
        if place is None or not entry.offset:
            return content is None or self.sender.send_now(content)
        if place.epoch != entry.epoch:
            place.begin_epoch(entry)
            self._client.place(group, place)
        elif entry.offset <= place.done:
            return False  # of an earlier membership, as in begin()
        if content is None:
            place.done = entry.offset
            if place.is_overdue:
                self._client.tell_position(place)
            return True
        if not self.sender.send_tagged(join(f"{place.tag}:{entry.offset};", content)):
            return False
        place.done = place.told = entry.offset
        return True

    def handled(self) -> None:
        """A handler has returned: the client has what it has sent, before it has its position."""
        self.is_handling = False
        if self._has_held:
            self._has_held = False
            for group, place in self._places.items():
                self._client.answer(group, place)

    def finish(self, entry: OpenEntry) -> None:
        """The handler has returned: the client is past the entry."""
        place = entry.place
        place.done = entry.entry.offset
        if self.sender.finish(entry):
            place.told = place.done
        elif entry.frames or entry.skip or place.is_overdue:
            self._client.tell_position(place)

    def fail(self, entry: OpenEntry) -> None:
        """The handler has failed: the client is past the entry all the same, and is told so."""
        entry.is_done = True
        if not entry.place.is_left:
            entry.place.move(entry.entry.position, Why.FAILED)
            self._client.answer(entry.group, entry.place)

    def notice(self, event: Notice) -> None:
        """Tell the client that something is missing, or that it has caught up."""
        place = self._places.get(event.group)
        if place is None:
            return
        if event.why is not None:
            place.move(event.position, event.why)
            self._client.answer(event.group, place)
        elif place.owes_live:
            place.is_live = True
            self._client.tell_live(place)


def nothing_known(group: str) -> None:
    """Stand for what nobody knows of a group."""


def _name(name_of: Callable[[str], str | None], group: str) -> str | None:
    try:
        name = name_of(group)
    except Exception:
        logger.exception("name_for_page(%r) failed: the page gets no name for this group", group)
        return None
    return None if name is None else str(name)
