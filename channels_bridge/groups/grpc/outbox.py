"""The outbox: frames that wait to be written to a stream, joined into batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

#: How long an answer that nobody waits for may be held back, in seconds: one write then has many.
LAZY_DELAY = 0.01

#: A batch is closed once it has so many bytes. Large enough to be efficient, small enough that
#: handling one doesn't keep the receiver's loop busy for long.
#:
#: A frame isn't split. What comes behind a large one waits for it: beside messages of 15 MiB, twice
#: a second, small ones took 0.8 ms at the median and 200 ms at most on a machine under load, where
#: channels_redis took 1.2 and 820 (its pub/sub layer 0.4 and 245); beside those of 1 MiB, 26 ms at
#: most where they took 33 and 89. Most of it goes into making and reading the message itself.
BATCH_SIZE = 128 * 1024


class Growing(Protocol):
    """A frame that more is added to while it waits."""

    def encode(self) -> bytes:
        """Return it, as it is to be written: nothing is added any more."""


class Outbox:
    """The frames for one stream, in order. A new stream gets a new outbox.

    It has no bound of its own: whoever fills it stops at theirs (``Client``, ``Session``).

    Args:
        on_close: called when it is closed.

    Attributes:
        closed: set by ``close()``.
        last: the frame that was appended last, while it waits.
    """

    def __init__(self, on_close: Callable[[], None] = lambda: None) -> None:
        self._on_close = on_close
        self._frames: deque[bytes | Growing] = deque()
        self.last: bytes | Growing | None = None
        self._filled = asyncio.Event()
        self.closed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None  # runs while lazy frames wait

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: bytes | Growing) -> None:
        """Append a frame, encoded or to be encoded when it is taken."""
        self._frames.append(frame)
        self.last = frame
        self._filled.set()

    def put_lazily(self, frame: bytes) -> None:
        """Append an encoded frame that may wait a little, to be written together with others."""
        self._frames.append(frame)
        self.last = frame
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LAZY_DELAY, self._filled.set)

    def close(self) -> None:
        """Let ``take()`` end once everything is taken."""
        self.closed.set()
        self._filled.set()
        self._on_close()

    def discard(self) -> None:
        """Let ``take()`` end at once."""
        self._frames.clear()
        self.last = None
        self.close()

    async def take(self) -> bytes | None:
        """Wait for frames and return a batch of them. None when there will be no more."""
        await self._filled.wait()
        return self.take_nowait() or None

    def take_nowait(self) -> bytes:
        """Return a batch of the frames that wait; empty when there are none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch: list[bytes] = []
        size = 0
        while self._frames and size < BATCH_SIZE:
            frame = self._frames.popleft()
            if not isinstance(frame, bytes):
                frame = frame.encode()
            batch.append(frame)
            size += len(frame)
        if not self._frames:
            self.last = None
            if not self.closed.is_set():  # closed, take() returns at once
                self._filled.clear()
        return b"".join(batch)
