"""The handshake: what a client asks for in ``_resume``, taken out of the query string.

Strict and bounded: at most ``POSITIONS`` positions are looked at, each of a known form and length.
What is garbled is never an error of the handshake: the client is told when its consumer joins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from channels_bridge.server.asgi_types import Application, Receive, Send
from channels_bridge.server.websocket.asgi_scope import EXTENSION

PARAMETER = b"_resume"
#: Where the run loop finds it, in the extension of the scope.
KEY = "resume"
#: How many positions of a handshake count: the last ones.
POSITIONS = 100

# "[0-9]" and not "\d", which has the digits of all scripts.
_TAG = re.compile(r"[A-Za-z0-9_-]{8}")
_CLAIM = re.compile(r"([a-z0-9]{1,16})\.([0-9]{1,15})(?:\.([0-9]{1,15}))?\.([A-Za-z0-9_-]{1,64})")
_HEAD = re.compile(r"1(?:\.(.*))?", re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A position as the client has it, and its ticket; nobody has looked yet whether it is good."""

    epoch: str
    offset: int
    frames: int
    ticket: str


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a client asks for.

    Attributes:
        token: of its last connection; None where it has none.
        claims: by tag; None where one is garbled.
        over: how many positions are left out, as there are too many.
    """

    token: str | None = None
    claims: dict[str, Claimed | None] = field(default_factory=dict)
    over: int = 0


class Negotiation:
    """An ASGI application around another one, which never sees the parameter."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and PARAMETER in scope["query_string"]:
            _take_parameter(scope)
        await self._application(scope, receive, send)


def _take_parameter(scope: dict[str, Any]) -> None:
    scope["query_string"], value = split_query(scope["query_string"])
    extension = scope.get("extensions", {}).get(EXTENSION)
    asked = None if value is None else parse(value)
    if extension is not None and asked is not None:
        extension[KEY] = asked


def split_query(query: bytes) -> tuple[bytes, str | None]:
    """Return a query string without the parameter, and the parameter's value; None: it has none.

    The first one counts where there are several.
    """
    others: list[bytes] = []
    values: list[bytes] = []
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        (values if name == PARAMETER else others).append(value if name == PARAMETER else pair)
    return b"&".join(others), values[0].decode("ascii", "replace") if values else None


def parse(value: str) -> Resumption | None:
    """Read the parameter; None where it is of no version that is spoken here."""
    first, _, rest = unquote(value).partition("~")
    head = _HEAD.fullmatch(first)
    if head is None:
        return None
    token = head[1] if head[1] and _TOKEN.fullmatch(head[1]) else None
    # From the end, and so many at most: whatever a client sends costs no more than that.
    items = rest.rsplit("~", POSITIONS) if rest else []
    over = items.pop(0).count("~") + 1 if len(items) > POSITIONS else 0
    claims = dict(map(parse_position, items))
    return Resumption(token, {tag: claim for tag, claim in claims.items() if tag}, over)


def parse_position(text: str) -> tuple[str | None, Claimed | None]:
    """Return the tag of a position, None where it has none, and what is claimed with it."""
    tag, _, rest = text.partition(".")
    if not _TAG.fullmatch(tag):
        return None, None
    claim = _CLAIM.fullmatch(rest)
    if claim is None:
        return tag, None
    epoch, offset, frames, ticket = claim.groups()
    return tag, Claimed(epoch, int(offset), int(frames or 0), ticket)
