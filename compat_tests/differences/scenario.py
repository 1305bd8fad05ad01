"""What a scenario is: an application, its client, and where the outcomes may differ."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from compat_tests.differences.client import Client
from compat_tests.differences.recording import note

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
Script = Callable[[Client], Awaitable[Any]]

PEERS = ("daphne", "uvicorn")
OURS = ("bridge-1", "bridge-2")


class When(enum.Enum):
    """At what time a scenario runs; all of the same time run at once."""

    THROUGHOUT = "from the beginning until all others but the last are done"
    TOGETHER = "with most others"
    ALONE = "after those, because it disturbs others"
    LAST = "after everything else, because it ends the server"


@dataclass(frozen=True)
class Like:
    """Where Daphne and uvicorn differ: which of the two ours is like, and why.

    Args:
        peer: ``daphne`` or ``uvicorn``.
        aspects: parts of the outcome.
        why: a sentence.
    """

    peer: str
    aspects: str
    why: str


@dataclass(frozen=True)
class Own:
    """Where ours differs from both, on purpose.

    Args:
        row: words that one row of ``migration_guide/differences.md`` has.
        outcome: parts of the outcome, as they are with ours.
    """

    row: str
    outcome: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One scenario.

    Args:
        name: first part of its path on every server.
        covers: numbers of the behaviours that it shows, see ``coverage``.
        application: what the servers run.
        client: what the client does.
        choices: for what is not the same on all servers.
        setting: how the servers are started, see ``peers.SETTINGS``.
        when: at what time it runs.
    """

    name: str
    covers: str
    application: Application
    client: Script
    choices: tuple[Like | Own, ...] = ()
    setting: str = "plain"
    when: When = When.TOGETHER


class Probe:
    """The connection as a pure ASGI application sees it; notes every event and every error."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send

    async def receive(self) -> dict[str, Any]:
        event = await self._receive()
        note("events", [event["type"].partition(".")[2], *_told(event)])
        return event

    async def send(self, type: str, **message: Any) -> None:
        """Send ``websocket.{type}``."""
        try:
            await self._send({"type": f"websocket.{type}", **message})
        except Exception:
            # Servers differ in the class of the error; that there is one is what counts.
            note("events", [f"error in {type}"])
            raise

    async def attempt(self, type: str, **message: Any) -> None:
        """Send ``websocket.{type}``, and go on if that is an error."""
        with contextlib.suppress(Exception):
            await self.send(type, **message)

    async def accept(self, **message: Any) -> None:
        await self.receive()
        await self.send("accept", **message)

    async def rest(self) -> None:
        """Receive until the disconnect."""
        while (await self.receive())["type"] != "websocket.disconnect":
            pass


def _told(event: dict[str, Any]) -> list[Any]:
    """What an event says, without the reason of a disconnect: Daphne gives none."""
    return [event[key] for key in ("text", "bytes", "code") if event.get(key) is not None]


def probe(script: Callable[[Probe], Awaitable[None]]) -> Application:
    """An ASGI application that runs a script."""

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await script(Probe(scope, receive, send))

    return application


@probe
async def unreached(probe: Probe) -> None:
    """For handshakes that no server lets through."""
    raise AssertionError
