"""The write queue to a node: joined once per round of the loop, bounded, kept while away.

A node that is given much at once is asked for a sign of life now and then in between: before it
answers to a PING behind all of it, it may be silent for longer than a node that lives.

Publications stay when a link ends; what concerns that link alone (SUB, UNSUB, PING) does not, as
the next link begins with all subscriptions. What was given to a socket that broke is lost: whoever
needs it numbers what it sends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from channels_bridge.common.event_deadline import is_set_within
from channels_bridge.groups.nats.client.nats_commands import PING

#: From how many waiting bytes on publishers should wait.
FULL = 16 * 1024 * 1024

#: From how many on what is published is dropped, as those who publish do not wait. Whoever has
#: waited may publish a message of 32 MiB in pieces.
BOUND = FULL + 40 * 1024 * 1024

#: What is given to the socket at once. More would only wait there, where a broken link loses it.
PORTION = 256 * 1024

#: After how many bytes a node is asked for a sign of life: about 800 subscriptions.
ASKED_AFTER = 32 * 1024


class Sink(Protocol):
    """The link to a node."""

    def write(self, data: bytes) -> None: ...

    def ask(self, write: Callable[[bytes], None]) -> None:
        """Have the node answer once it has handled what was written before."""

    @property
    def is_paused(self) -> bool:
        """Whether enough waits in its socket."""


class WriteQueue:
    """Commands for a node, in order.

    Attributes:
        dropped: how many publications there was no room for.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._unasked = 0  # bytes since the node was asked for a sign of life
        self._sink: Sink | None = None
        self._is_scheduled = False
        self._room = asyncio.Event()
        self._room.set()

    @property
    def size(self) -> int:
        """The bytes that wait here."""
        return self._size

    @property
    def is_full(self) -> bool:
        """Whether publishers should wait."""
        sink = self._sink  # once: another thread may ask while the link ends
        return self._size >= FULL or (sink is not None and sink.is_paused)

    async def has_room_within(self, seconds: float) -> bool:
        """Wait until publishers needn't wait, for so long at most. Returns whether that is so.

        Who waits has no place: many may go on at once.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.is_full:
            self._room.clear()
            if not await is_set_within(self._room, deadline - loop.time()):
                return False
        return True

    def publish(self, command: bytes) -> bool:
        """Add a publication. Returns whether there was room."""
        if self._size + len(command) > BOUND:
            self.dropped += 1
            return False
        self.add(command)
        return True

    def add(self, command: bytes) -> None:
        """Add a command, whether there is room or not."""
        self._append(command)
        self._unasked += len(command)
        if self._unasked >= ASKED_AFTER and self._sink is not None:
            self._unasked = 0
            self._sink.ask(self._append)

    def _append(self, command: bytes) -> None:
        self._chunks.append(command)
        self._size += len(command)
        if not self._is_scheduled and self._sink is not None:
            asyncio.get_running_loop().call_soon(self._write_scheduled)
            self._is_scheduled = True

    def attach(self, sink: Sink, first: Iterable[bytes]) -> None:
        """Write to this from now on: what a link begins with, and then what waits."""
        waiting, self._chunks = self._chunks, deque()
        self._sink = sink
        for command in first:
            self.add(command)
        self._chunks.extend(waiting)
        self.write()

    def detach(self) -> int:
        """Write to nothing; what concerned the link alone goes, and publications wait.

        Returns:
            How many PINGs were among what goes.
        """
        self._sink = None
        pings = self._chunks.count(PING)
        self._chunks = deque(chunk for chunk in self._chunks if _is_publication(chunk))
        self._size = sum(map(len, self._chunks))
        self._let_go_on()
        return pings

    def write(self) -> None:
        """Give the socket what waits, until it has enough. Also called when it wants more."""
        sink = self._sink
        while sink is not None and self._chunks and not sink.is_paused:
            sink.write(self._take_portion())
        self._let_go_on()

    def _let_go_on(self) -> None:
        if not self._room.is_set() and not self.is_full:
            self._room.set()

    def _write_scheduled(self) -> None:
        self._is_scheduled = False
        self.write()

    def _take_portion(self) -> bytes:
        if self._size <= PORTION:
            portion = b"".join(self._chunks)
            self._chunks.clear()
            self._size = 0
            return portion
        taken, size = [], 0
        while self._chunks and size < PORTION:
            taken.append(self._chunks.popleft())
            size += len(taken[-1])
        self._size -= size
        return b"".join(taken)


def _is_publication(command: bytes) -> bool:
    return command.startswith((b"PUB ", b"HPUB "))
