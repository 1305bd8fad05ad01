"""The protocols of clients: what they send when a connection opens, and what they are told on it.

A speaker is one client's, over all of its connections: it keeps what a client keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from compat_tests.resume.jitter.arrivals import TOLD

GROUP = "jitter"


class Speaker(Protocol):
    """One client's side of a protocol."""

    def path(self) -> str:
        """Where to connect to now."""

    def hear(self, data: str | bytes) -> Iterator[int | str]:
        """What a message from the server means: numbers, ``TOLD``, and texts to answer with."""


class PlainSpeaker:
    """A page with a WebSocket that it opens again: what it missed, it missed."""

    def path(self) -> str:
        return f"/ws/chat/{GROUP}/"

    def hear(self, data: str | bytes) -> Iterator[int | str]:
        yield number_in(json.loads(data))


class SocketIOSpeaker:
    """A client of Socket.IO, on WebSockets alone, as socket.io-client 4 does it.

    With connection state recovery the server has given it a private id, and each message ends with
    an offset; it says both when it comes back, and is told whether it missed something.
    """

    def __init__(self) -> None:
        self._id = ""
        self._offset = ""
        self._is_back = False

    def path(self) -> str:
        return "/socket.io/?EIO=4&transport=websocket"

    def hear(self, data: str | bytes) -> Iterator[int | str]:
        kind, text = data[:2], data[2:]
        if kind[:1] == "0":  # Engine.IO is open: ask for the namespace
            yield f"40{json.dumps(self._claim())}"
        elif kind[:1] == "2":
            yield "3"  # a ping
        elif kind == "40":
            yield from self._connected(json.loads(text))
        elif kind == "42":
            yield from self._event(json.loads(text))

    def _claim(self) -> dict[str, str]:
        return {"pid": self._id, "offset": self._offset} if self._id else {}

    def _connected(self, told: dict[str, Any]) -> Iterator[int]:
        recovered = bool(self._id) and self._id == told.get("pid")
        if self._is_back and not recovered:
            yield TOLD
        self._id = told.get("pid", "")
        self._is_back = True

    def _event(self, arguments: Sequence[Any]) -> Iterator[int]:
        if self._id and isinstance(arguments[-1], str):
            self._offset = arguments[-1]
        yield number_in(arguments[1])


def number_in(content: dict[str, str]) -> int:
    """The number of a message, as the publisher wrote it."""
    return int(content["message"].split()[0])


def text_of(number: int) -> str:
    """What the publisher says: 100 bytes or so."""
    return f"{number} ".ljust(100, ".")
