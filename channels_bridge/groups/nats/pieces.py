"""Pieces of large payloads (segmentation): a node takes messages up to ``max_payload`` only.

All pieces of a payload are published one after another on its topic, where they arrive in order and
once, or not at all, which is declared. Each says what it is a piece of, so that pieces of two
payloads are never joined.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: What each piece begins with: the payload's number, its size, and where in it the piece belongs.
HEAD = struct.Struct(">III")

#: Seconds until the rest of a payload is no longer expected: a sender may be killed halfway.
PATIENCE = 60.0

#: Called with a topic, a sender, and why a payload of theirs will never be complete.
OnLoss = Callable[[str, bytes, str], None]


def cut(payload: bytes, number: int, size: int) -> Iterator[bytes]:
    """Cut a payload into pieces of at most ``size`` bytes.

    Args:
        number: tells this payload from others of the same sender; it may begin again at 2**32.
        size: more than the 12 bytes of a piece's head.
    """
    view = memoryview(payload)
    step = size - HEAD.size
    for offset in range(0, len(payload), step):
        head = HEAD.pack(number % 2**32, len(payload), offset)
        yield b"".join((head, view[offset : offset + step]))


@dataclass(slots=True)
class _Incomplete:
    number: int
    size: int  # of the payload
    until: float  # when it is given up
    length: int = 0  # of the pieces that are here
    pieces: list[memoryview] = field(default_factory=list)

    @property
    def expected(self) -> tuple[int, int, int]:
        """How the next piece begins."""
        return self.number, self.size, self.length


class Assembler:
    """Joins pieces; what it holds is bounded.

    Args:
        limit: bytes that incomplete payloads may have in all, once complete. Where that is not
            enough, those that began first are given up.
        on_loss: told of each payload that is given up.
    """

    def __init__(self, limit: int, on_loss: OnLoss) -> None:
        self._limit = limit
        self._on_loss = on_loss
        self._size = 0  # of all that are incomplete, once complete
        # By topic and sender, who sends one payload after another; in the order they began.
        self._incomplete: dict[tuple[str, bytes], _Incomplete] = {}

    @property
    def held_bytes(self) -> int:
        """How much memory is set aside for incomplete payloads."""
        return self._size

    def add(self, topic: str, sender: bytes, piece: bytes, now: float) -> bytes | None:
        """Take a piece; return the payload where this was the last one.

        Args:
            now: seconds of a monotonic clock.
        """
        if len(piece) <= HEAD.size:
            return None  # from a stranger
        number, size, offset = HEAD.unpack_from(piece)
        if offset == 0:
            self._begin(topic, sender, _Incomplete(number, size, now + PATIENCE))
        payload = self._incomplete.get((topic, sender))
        if payload is None or payload.expected != (number, size, offset):
            # Its beginning was sent before this process subscribed, or was declared lost.
            self.forget(topic, sender)
            return None
        return self._append(topic, sender, payload, memoryview(piece)[HEAD.size :])

    def forget(self, topic: str, sender: bytes) -> None:
        """Give up a sender's payload on a topic, of which a piece was declared lost."""
        payload = self._incomplete.pop((topic, sender), None)
        if payload is not None:
            self._size -= payload.size

    def forget_topic(self, topic: str) -> None:
        """Give up all payloads on a topic that is no longer subscribed."""
        for key in [key for key in self._incomplete if key[0] == topic]:
            self.forget(*key)

    def expire(self, now: float) -> None:
        """Give up those whose rest doesn't come."""
        while self._incomplete and next(iter(self._incomplete.values())).until <= now:
            self._give_up_oldest("its sender has ended, or is stuck, before all of it was sent")

    def _begin(self, topic: str, sender: bytes, payload: _Incomplete) -> None:
        self.forget(topic, sender)
        if payload.size > self._limit:
            self._on_loss(topic, sender, f"it has {payload.size} bytes")
            return
        while self._size + payload.size > self._limit:
            self._give_up_oldest("too many large ones came at a time")
        self._size += payload.size
        self._incomplete[topic, sender] = payload

    def _append(
        self, topic: str, sender: bytes, payload: _Incomplete, piece: memoryview
    ) -> bytes | None:
        payload.pieces.append(piece)
        payload.length += len(piece)
        if payload.length < payload.size:
            return None
        self.forget(topic, sender)
        return b"".join(payload.pieces) if payload.length == payload.size else None

    def _give_up_oldest(self, reason: str) -> None:
        topic, sender = next(iter(self._incomplete))
        self.forget(topic, sender)
        self._on_loss(topic, sender, reason)
