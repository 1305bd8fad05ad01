"""A call of a thread that publishes and waits, while another thread may read for it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

from channels_bridge.groups.wire.v1 import groups_pb2 as wire


class Call:
    """What one thread publishes, and waits for.

    Attributes:
        is_over: whether nobody waits for it any more.
        heirs: who takes its place, if it was kept from leaving that of the one that reads: the
            first that puts itself in.
        goes_elsewhere: whether it ended unwritten, since there is no hub to write it to.
    """

    def __init__(self, publications: Sequence[wire.Publish]) -> None:
        self.publications = publications
        self.thread = threading.get_ident()
        self._answered: set[int] = set()  # their numbers
        self.is_over = False
        self.heirs: dict[None, Call] = {}
        self.goes_elsewhere = False
        self._awake: queue.SimpleQueue[None] = queue.SimpleQueue()

    @property
    def is_answered(self) -> bool:
        """Whether all of it has arrived."""
        return len(self._answered) == len(self.publications)

    def answer(self, seq: int) -> None:
        """One of its publications has arrived; with the last one it is done."""
        self._answered.add(seq)
        if self.is_answered:
            self.end()

    def end(self) -> None:
        """It is done."""
        self.is_over = True
        self.wake()

    def wake(self) -> None:
        """Let its thread look what it is to do."""
        self._awake.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until it is woken. False when it isn't."""
        try:
            self._awake.get(timeout=seconds)
        except queue.Empty:
            return False
        return True
