"""The kinds of load that the generator can be asked for, a class each.

A load opens connections in blocks. All members of a block are in the same groups, ``rooms`` of
them; mostly that is one, and a block is a group.
"""

from __future__ import annotations

from dataclasses import dataclass

CHAT = "/ws/chat/{group}/"
SAY = '{"message": "{id}"}'
#: Where a connection is in no group.
QUIET = "/ws/echo/"

#: How often a caller from outside calls what does nothing, beside each message, if it does.
NOTHINGS = 4


@dataclass(frozen=True)
class Load:
    """Connections that are opened and stay open.

    Args:
        connections: WebSockets in all, spread evenly over the blocks.
        groups: how many groups.
        rooms: groups that each connection is in.
        path: where to connect; ``{group}`` is the block's first group, ``{rooms}`` their number.
        headers: sent with the request that opens a connection.
        login: whether that request carries the session cookie of a user who is logged in.
        deflate: whether it offers permessage-deflate, and compresses what it sends where the server
            agrees, as browsers do.
    """

    connections: int
    groups: int = 1
    rooms: int = 1
    path: str = CHAT
    headers: tuple[tuple[str, str], ...] = ()
    login: bool = False
    deflate: bool = False

    @property
    def blocks(self) -> int:
        """How many sets of connections there are that share all of their groups."""
        return self.groups // self.rooms

    @property
    def members(self) -> int:
        """How many connections are in each block, and so in each group."""
        return self.connections // self.blocks

    def path_of(self, connection: int) -> str:
        """Where one connection goes: they take the blocks in turn."""
        group = connection % self.blocks * self.rooms
        return self.path.replace("{group}", str(group)).replace("{rooms}", str(self.rooms))


@dataclass(frozen=True)
class Loop(Load):
    """A closed loop: one member of a block publishes, and again when its own copy comes back.

    Args:
        window: messages that each block keeps in flight.
        messages: published in turn. ``{id}`` is what a message is known by when it comes back,
            ``{group}`` the group's number; one without ``{id}`` is sent, and not waited for.
        size: bytes that ``{id}`` is made up to.
        stalled: members of each block that do not read.
    """

    window: int = 1
    messages: tuple[str, ...] = (SAY,)
    size: int = 64
    stalled: int = 0


@dataclass(frozen=True)
class Outside(Loop):
    """A closed loop whose messages are sent to groups by another process.

    Args:
        caller: how that process sends: "thread" or "view", for others see ``stacks.caller``.
    """

    caller: str = "thread"


@dataclass(frozen=True)
class Together(Outside):
    """A closed loop whose messages are sent by one call to all groups: ``{id}`` is one for all."""


@dataclass(frozen=True)
class Join(Loop):
    """Connections that join all groups of their block, and what these take once all are in force.

    Args:
        probes: messages that each block publishes then, to as many of its groups, to see that they
            are.
    """

    probes: int = 20


@dataclass(frozen=True)
class Rate(Loop):
    """An open loop: messages have a time at which they are due, and are late from then on.

    Args:
        rate: messages per second; None is half of what the stack manages in a closed loop.
        idle: further connections, on which nothing is said.
        idle_path: where these connect.
        turnover: how many of these leave each second, those that have been there longest, and as
            many others come.
        busy: a path to connect to once more; a message is sent there each second.
    """

    rate: float | None = None
    idle: int = 0
    idle_path: str = QUIET
    turnover: float = 0.0
    busy: str = ""


@dataclass(frozen=True)
class Connect(Load):
    """Connections opened one after another, some of them at a time, until all are open.

    Args:
        warmup: connections that are opened before any is counted.
    """

    warmup: int = 100


@dataclass(frozen=True)
class Pages(Load):
    """A closed loop of pages: each connection asks for the page again once it is there."""

    path: str = "/page/"


@dataclass(frozen=True)
class Idle(Load):
    """Connections on which nothing is said, for the memory that they take."""
