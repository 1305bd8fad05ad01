"""What a page is told of a server's messages: the protocol's document once more, slowly."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

HELLO = '!{"t":"hello"'
HEADER = re.compile(r"(?:([\w-]{8}):([0-9]+)(?:\.([0-9]+))?)?", re.ASCII)

Message = str | bytes
Event = list[Any]


class Garbage(Exception):
    """A message that no server may send."""


@dataclass
class Place:
    """What the page knows of one group."""

    epoch: str = ""
    offset: int = 0
    frames: int = 0
    ticket: str = ""
    name: str | None = None
    members: dict[str, Any] = field(default_factory=dict)

    def claim(self, tag: str) -> str:
        """It as a part of the handshake."""
        frames = f".{self.frames}" if self.frames else ""
        return f"~{tag}.{self.epoch}.{self.offset}{frames}.{self.ticket}"


class ReferencePage:
    """A page over all its connections; ``places`` are in the order in which they were heard of."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.token = ""

    def claim(self) -> str:
        """What it says in its next handshake."""
        token = f".{self.token}" if self.token else ""
        claims = [place.claim(tag) for tag, place in self.places.items() if place.ticket]
        return "1" + token + "".join(claims)

    def hear(self, messages: list[Message]) -> dict[str, Any]:
        """One connection, until it breaks after these messages or one of them is garbage."""
        claim, events, closed = self.claim(), [["open"]], None
        try:
            self._hear_all(messages, events)
        except Garbage:
            closed = 4400
        return {"claim": claim, "closed": closed, "events": [*events, ["reconnecting"]]}

    def _hear_all(self, messages: list[Message], events: list[Event]) -> None:
        speaks = bool(messages) and isinstance(messages[0], str) and messages[0].startswith(HELLO)
        if messages and not speaks:
            for place in self.places.values():
                place.ticket = ""
        for message in messages:
            if not speaks:
                events.append(["message", as_data(message)])
            elif isinstance(message, str) and message.startswith("!"):
                self._obey(message[1:], events)
            else:
                events.append(["message", as_data(self._take(message))])

    def _take(self, message: Message) -> Message:
        """Note a frame's position; returns its payload."""
        text = message if isinstance(message, str) else message.decode("latin-1")
        header, mark, _ = text.partition(";")
        match = HEADER.fullmatch(header)
        if not mark or not match:
            raise Garbage(message)
        tag, offset, frame = match.groups()
        if tag in self.places:
            place = self._heard_of(tag)
            place.offset = int(offset) if frame is None else int(offset) - 1
            place.frames = 0 if frame is None else int(frame) + 1
        return message[len(header) + 1 :]

    def _heard_of(self, tag: str) -> Place:
        """A group's place, which is the last one now."""
        self.places[tag] = self.places.pop(tag, None) or Place()
        return self.places[tag]

    def _obey(self, text: str, events: list[Event]) -> None:
        try:
            fields = json.loads(text)
        except ValueError:
            raise Garbage(text) from None
        if not isinstance(fields, dict):
            raise Garbage(text)
        self.token = fields.get("c", self.token)
        kind, tag = fields.get("t"), fields.get("g")
        if kind == "at":
            self._join(tag, fields, events)
        elif kind == "live":
            events.append(self._resumed(tag, True, None))
        elif kind == "left":
            self.places.pop(tag, None)
        elif kind in ("here", "diff"):
            events.append(self._present(tag, fields))

    def _join(self, tag: str, fields: dict[str, Any], events: list[Event]) -> None:
        old = self.places.get(tag) or self.places.get(fields.get("was", ""))
        was_there = old is not None and old.epoch != ""
        self.places.pop(fields.get("was", ""), None)
        place = self._heard_of(tag)
        place.epoch, place.ticket = fields.get("e", place.epoch), fields.get("k", place.ticket)
        place.name = fields.get("n", place.name)
        if "o" in fields:
            place.offset, place.frames = fields["o"], fields.get("i", 0)
        if fields.get("r") == "gap":
            events.append(self._resumed(tag, False, fields.get("why")))
        elif fields.get("r") == "new" and was_there:
            events.append(self._resumed(tag, False, "unknown"))

    def _resumed(self, tag: str, recovered: bool, why: str | None) -> Event:
        name = self.places[tag].name if tag in self.places else None
        return ["resumed", {"group": name, "recovered": recovered, "why": why}]

    def _present(self, tag: str, fields: dict[str, Any]) -> Event:
        place = self._heard_of(tag)
        is_listed = "in" in fields or "out" in fields
        before = place.members if is_listed else {}
        after = {**before} if fields["t"] == "diff" else {}
        after.update(fields.get("in", {}))
        for key in fields.get("out", ()):
            after.pop(key, None)
        place.members = after
        joined = {key: info for key, info in after.items() if key not in before}
        left = {key: info for key, info in before.items() if key not in after}
        told = {"group": place.name, "count": fields["n"], "members": after}
        return ["presence", {**told, "joined": joined, "left": left}]


def as_data(message: Message) -> str | dict[str, str]:
    """A message as the test vectors write it."""
    if isinstance(message, str):
        return message
    return {"base64": base64.b64encode(message).decode()}
