"""Clients who come and go while others talk, each in a way of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from channels_bridge.bench.generator.clients import Target, close_all
from compat_tests.clients.raw_bytes import handshake
from compat_tests.clients.raw_connection import RawConnection
from compat_tests.soak.rooms import Kind, Speaker

#: Seconds within which a visitor is let in, or hears its own word.
PATIENCE = 30.0

HALF_A_HANDSHAKE = handshake("/room/nowhere/").partition(b"ection")[0]


class Visitor(Speaker):
    """A client that waits for a word."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.heard = asyncio.Event()

    def receive(self, payload: bytes) -> None:
        self.heard.set()

    async def converse(self) -> None:
        """Say a word, and wait until it comes back or others speak."""
        self.say("visitor")
        await asyncio.wait_for(self.heard.wait(), PATIENCE)


@dataclass(frozen=True)
class Visit:
    """One visit.

    Attributes:
        kind: of client.
        target: the room.
        cookie: of somebody who is logged in.
        end: set when those who stay in the room have heard everything.
    """

    kind: Kind
    target: Target
    cookie: str
    end: asyncio.Event

    async def enter(self) -> Visitor:
        visitor = Visitor(self.kind)
        if not await self.target.open(visitor):
            raise TurnedAway
        return visitor


class TurnedAway(Exception):
    """A visitor was not let in."""


async def say_goodbye(visit: Visit) -> None:
    visitor = await visit.enter()
    await visitor.converse()
    if visitor.transport is not None:
        visitor.transport.send_close()
    await close_all([visitor])


async def hang_up(visit: Visit) -> None:
    """Close the connection without a close frame."""
    visitor = await visit.enter()
    await visitor.converse()
    await close_all([visitor])


async def vanish(visit: Visit) -> None:
    """Be gone while what was said is handled."""
    visitor = await visit.enter()
    visitor.say("visitor")
    abort(visitor)


async def turn_round(visit: Visit) -> None:
    """Be gone as soon as the door is open."""
    abort(await visit.enter())


async def fall_asleep(visit: Visit) -> None:
    """Read nothing until the others have heard everything, and then vanish."""
    visitor = await visit.enter()
    visitor.say("visitor")
    visitor.stall()
    await visit.end.wait()
    abort(visitor)


async def stop_at_the_door(visit: Visit) -> None:
    """Leave in the middle of the handshake."""
    async with RawConnection(f"127.0.0.1:{visit.target.port}") as client:
        client.write(HALF_A_HANDSHAKE)


async def be_denied(visit: Visit) -> None:
    if await Target(visit.target.port, "/deny/").open(Visitor(visit.kind)):
        raise TurnedAway("let in where nobody is")


async def ask_who_i_am(visit: Visit) -> None:
    """Have the consumer look at session and user in the database."""
    visitor = Visitor(Kind())
    if not await Target(visit.target.port, "/account/", (("Cookie", visit.cookie),)).open(visitor):
        raise TurnedAway
    visitor.send("who?")
    await asyncio.wait_for(visitor.heard.wait(), PATIENCE)
    await close_all([visitor])


def abort(visitor: Visitor) -> None:
    """Without a close frame, and without sending what waits to be sent."""
    if visitor.transport is not None:
        visitor.transport.disconnect(graceful=False)


WAYS: tuple[Callable[[Visit], Awaitable[None]], ...] = (
    say_goodbye,
    hang_up,
    vanish,
    turn_round,
    fall_asleep,
    stop_at_the_door,
    be_denied,
    ask_who_i_am,
)
