"""The resume protocol as a client speaks it, from its document alone: migration_guide/
resume_protocol.md. It does no I/O.

It is stricter than a page's client has to be: what a server may not say is written down as a
complaint, so that a test sees a frame that came twice, or late, even where nobody looks for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

VERSION = "1"
HEADER = re.compile(r"(?:[\w-]{8}:[0-9]{1,15}(?:\.[0-9]{1,15})?)?", re.ASCII)
HELLO = '!{"t":"hello"'

#: Positions in a handshake.
MOST = 100


@dataclass
class Standing:
    """Where the client is in a group.

    Args:
        epoch: of the offset.
        offset: of the last entry that it has whole.
        frames: how many it has of the next one.
        ticket: proves that it was given such a position.
    """

    epoch: str = ""
    offset: int = 0
    frames: int = 0
    ticket: str = ""

    def claim(self, tag: str) -> str:
        """It as a part of the handshake."""
        frames = [str(self.frames)] if self.frames else []
        return ".".join([tag, self.epoch, str(self.offset), *frames, self.ticket])


@dataclass(frozen=True)
class Frame:
    """What the page is given.

    Args:
        payload: without the header.
        tag: of the group; empty where the consumer sent this on its own account.
        offset: of the entry.
    """

    payload: str | bytes
    tag: str = ""
    offset: int = 0


@dataclass(frozen=True)
class Told:
    """A control message."""

    kind: str
    fields: Mapping[str, Any]

    @property
    def is_gap(self) -> bool:
        """Whether it says that something is missing."""
        return self.kind == "at" and self.fields.get("r") == "gap"


@dataclass
class ProtocolClient:
    """One client, over all of its connections.

    Attributes:
        standings: by tag; those heard of last are at the end.
        speaks: whether the server of this connection speaks it; None until it has said something.
        complaints: what it should not have said.
    """

    token: str = ""
    standings: dict[str, Standing] = field(default_factory=dict)
    speaks: bool | None = None
    complaints: list[str] = field(default_factory=list)
    _warned: set[str] = field(default_factory=set)  # gaps that have no position yet

    def start_from(self, claims: Iterable[str]) -> None:
        """Take positions that the page was made with."""
        for each in claims:
            tag, epoch, offset, *frames, ticket = each.split(".")
            self.standings[tag] = Standing(
                epoch, int(offset), int(frames[0]) if frames else 0, ticket
            )

    def begin(self) -> str:
        """Another connection begins; returns what to add to the query of its URL."""
        self.speaks = None
        self._warned.clear()
        head = f"{VERSION}.{self.token}" if self.token else VERSION
        claims = [standing.claim(tag) for tag, standing in self.standings.items()]
        return f"_resume={quote('~'.join([head, *claims[-MOST:]]), safe='~')}"

    def hear(self, data: str | bytes) -> Frame | Told:
        """Understand a message of the server's."""
        if self.speaks is None:
            self.speaks = isinstance(data, str) and data.startswith(HELLO)
        if not self.speaks:
            return Frame(data)
        try:
            if isinstance(data, str) and data.startswith("!"):
                return self._control(json.loads(data[1:]))
            return self._frame(data)
        except ValueError:
            self.complaints.append(f"what is this? {data!r}")
            return Frame(data)

    def _frame(self, data: str | bytes) -> Frame:
        header: str
        payload: str | bytes
        if isinstance(data, str):
            header, mark, payload = data.partition(";")
        else:
            raw, raw_mark, payload = data.partition(b";")
            header, mark = raw.decode("ascii"), raw_mark.decode()
        if not mark or not HEADER.fullmatch(header):
            raise ValueError(header)
        tag, _, place = header.partition(":")
        if tag in self.standings:
            self._advance(tag, place)
        return Frame(payload, tag, int(place.partition(".")[0] or 0))

    def _advance(self, tag: str, place: str) -> None:
        standing = self._heard_of(tag)
        offset, dot, frame = place.partition(".")
        if int(offset) <= standing.offset:
            self.complaints.append(f"{tag}:{place} came at {standing}")
        elif dot:
            self._advance_within(standing, int(offset), int(frame))
        else:
            standing.offset, standing.frames = int(offset), 0

    def _advance_within(self, standing: Standing, offset: int, frame: int) -> None:
        had = standing.frames if standing.offset == offset - 1 else 0
        if frame != had:
            self.complaints.append(f"frame {frame} of entry {offset} came at {standing}")
        standing.offset, standing.frames = offset - 1, frame + 1

    def _control(self, fields: dict[str, Any]) -> Told:
        told = Told(fields.pop("t"), fields)
        if told.kind == "hello":
            self.token = fields.get("c", self.token)
        elif told.kind == "at":
            self._place(fields)
        elif told.kind == "left":
            self.standings.pop(fields["g"], None)
        return told

    def _place(self, fields: Mapping[str, Any]) -> None:
        self.standings.pop(fields.get("was", ""), None)
        standing = self._heard_of(fields["g"])
        before = (standing.epoch, standing.offset, standing.frames)
        standing.epoch = fields.get("e", standing.epoch)
        standing.ticket = fields.get("k", standing.ticket)
        is_gap = fields.get("r") == "gap"
        if "o" in fields:
            standing.offset, standing.frames = fields["o"], fields.get("i", 0)
            is_gap = is_gap or fields["g"] in self._warned
            self._warned.discard(fields["g"])
        elif is_gap:
            self._warned.add(fields["g"])
        after = (standing.epoch, standing.offset, standing.frames)
        is_back = after[0] == before[0] and after < before
        if is_back and not is_gap:
            self.complaints.append(f"went back from {before} to {after}: {fields}")

    def _heard_of(self, tag: str) -> Standing:
        """Its standing, which is now the one that was heard of last."""
        standing = self.standings.pop(tag) if tag in self.standings else Standing()
        self.standings[tag] = standing
        return standing
