"""Telling: what one client is told of its places, by messages of the server's own."""

from __future__ import annotations

from typing import Any

from channels_bridge.groups.history.position import Answer, Position
from channels_bridge.resume import resume_counters, tickets
from channels_bridge.resume.control_messages import control_text
from channels_bridge.resume.places import Place
from channels_bridge.resume.tagging_sender import TaggingSender


class Telling:
    """Tells one client where it is. Before the handshake is accepted, and after the end, nothing.

    Args:
        sender: of its connection.
    """

    __slots__ = ("_sender", "_unsaid")

    def __init__(self, sender: TaggingSender) -> None:
        self._sender = sender
        self._unsaid: list[str] | None = None  # until it is accepted; few, as that is soon

    def tell(self, **fields: Any) -> None:
        """Send a control message; fields that are None are left out."""
        if self._sender.is_open:
            self._sender.announce(control_text(fields))

    def say_later(self, text: str) -> None:
        """Send a control message, once the handshake is accepted."""
        if self._sender.is_open:
            self._sender.announce(text)
        else:
            self._unsaid = [*(self._unsaid or ()), text]

    def say_now(self) -> None:
        """The handshake is accepted."""
        unsaid, self._unsaid = self._unsaid, None
        for text in unsaid or ():
            self._sender.announce(text)

    def warn(self, group: str, place: Place) -> None:
        """Tell that something is missing, and keep back where it goes on."""
        if place.answer is Answer.GAP and not place.is_warned and self._sender.is_open:
            place.is_warned = True
            answer, why = place.answer.value, place.why and place.why.value
            resume_counters.note(group, answer, why)
            self.tell(t="at", g=place.tag, n=place.name, r=answer, why=why)

    def answer(self, group: str, place: Place) -> None:
        """Tell what came of a join, or that something is missing, unless that is told already."""
        if place.answer is None or not self._sender.is_open:
            return
        said: dict[str, Any] = {"i": place.frames or None, "was": place.was}
        if not place.is_warned:
            answer, why = place.answer.value, place.why and place.why.value
            resume_counters.note(group, answer, why)
            said.update(n=place.name, r=answer, why=why)
        place.answer, place.is_warned = None, False
        self.place(group, place, **said)
        self.tell_live(place)

    def place(self, group: str, place: Place, **others: Any) -> None:
        """Tell a position and its epoch, with a ticket."""
        place.told = place.done
        ticket = tickets.make_ticket(group, place.identity, place.position)
        self.tell(t="at", g=place.tag, e=place.epoch, o=place.done, k=ticket, **others)

    def tell_position(self, place: Place) -> None:
        """Tell that the client is past entries that it had no frame of, or not the last one."""
        if self._sender.is_open and not place.is_left:
            place.told = place.done
            self.tell(t="at", g=place.tag, o=place.done)

    def tell_live(self, place: Place) -> None:
        """Tell that the client has caught up, where it waits to hear that."""
        if place.is_live and place.owes_live and place.answer is None and self._sender.is_open:
            place.owes_live = False
            self.tell(t="live", g=place.tag)

    def renew(self, group: str, place: Place) -> None:
        """Tell another ticket."""
        if place.answer is None:
            # For what the client knows: it may break off before it is told more.
            position = Position(place.epoch, place.told)
            self.tell(t="at", g=place.tag, k=tickets.make_ticket(group, place.identity, position))
