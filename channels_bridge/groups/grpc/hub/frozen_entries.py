"""Short garbage collections for a hub that keeps much: what survives one is not looked at again.

A full collection looks at every object there is while everything else waits: a tenth of a second
for a hundred thousand messages. They are in no cycles, and are freed as ever once they are dropped,
frozen or not. What else there is at a hub may be, such as what ended streams leave: so all of it is
looked at now and then after all.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping
from time import monotonic, thread_time

#: CPython's number of the oldest generation, with which all are collected.
FULL = 2

#: Seconds of CPU time after which a full collection was a long one.
LONG = 0.01

#: Seconds after which everything is looked at again.
THAW = 3600.0


@contextlib.contextmanager
def freezing_entries() -> Iterator[None]:
    """Freeze what survives long collections, until the block ends."""
    collections = _Collections()
    gc.callbacks.append(collections.note)
    try:
        yield
    finally:
        gc.callbacks.remove(collections.note)
        gc.unfreeze()


class _Collections:
    def __init__(self) -> None:
        self._began = 0.0  # the one that runs
        self._thawed = monotonic()

    def note(self, phase: str, info: Mapping[str, int]) -> None:
        """Take part in a collection; one of ``gc.callbacks``."""
        if info["generation"] != FULL:
            return
        if phase == "start":
            self._began = thread_time()
            if monotonic() - self._thawed > THAW:
                self._thawed = monotonic()
                gc.unfreeze()
        elif thread_time() - self._began > LONG:
            gc.freeze()
