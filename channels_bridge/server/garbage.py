"""Short collections: Python's garbage collector looks at nothing twice that stays.

A full collection of CPython looks at every object there is while everything else waits, which takes
half a second where there are ten thousand connections. What has survived one is therefore frozen
(:func:`gc.freeze`), and the next one looks at what is new since: some tens of milliseconds' work,
whatever there is. When to collect is left to Python, and to the thresholds that a project may have
set; where it has disabled the collector, nothing is done.

What is frozen is freed as ever once nothing refers to it. Garbage in cycles has to be looked for:
by one collection of everything, when so many connections have ended that they may have left much of
it and there is much more than there was after the one before.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping

from .context import Context

FULL = 2  # CPython's number of the oldest generation, with which all are collected

#: Connections that have to end before garbage is looked for among what is frozen, if not more are
#: open.
LEAST_ENDED = 1000

#: Of the objects that were frozen when everything was looked at; more of them are suspicious.
GROWTH = 1.5

#: The same, where no connections have ended: some thousand new ones are as many objects as the
#: code of a project.
GREAT_GROWTH = 4


@contextlib.contextmanager
def sparing(context: Context) -> Iterator[None]:
    """Keep collections short in this process until the block ends.

    Args:
        context: the connections that are served here.
    """
    survivors = Survivors(context)
    gc.callbacks.append(survivors.note)
    try:
        if gc.isenabled():
            gc.collect()
        yield
    finally:
        gc.callbacks.remove(survivors.note)
        gc.unfreeze()


class Survivors:
    """What has survived a full collection.

    Args:
        context: the connections, which end now and then.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ended = 0  # connections that had ended when everything was looked at last
        self._frozen = 0  # objects, then
        self._looking = True  # at everything, with the next full collection

    def note(self, phase: str, info: Mapping[str, int]) -> None:
        """Take part in a collection; one of :data:`gc.callbacks`."""
        if phase != "stop" or info["generation"] != FULL:
            return
        if not self._looking and self._is_look_due():
            self._looking = True
            gc.unfreeze()  # for the next one
            return
        gc.freeze()
        if self._looking:
            self._looking = False
            self._frozen = gc.get_freeze_count()

    def _is_look_due(self) -> bool:
        growth = gc.get_freeze_count() / self._frozen
        if growth > GREAT_GROWTH:
            return True
        ended = self._context.ended
        if ended - self._ended < max(LEAST_ENDED, len(self._context.connections)):
            return False
        self._ended = ended
        return growth > GROWTH
