"""Frozen garbage: what a consumer leaves in cycles is given back to the collector when it ends.

A collection does not look at what is frozen (``gc_freeze``), so that a consumer which was there at
a freeze and refers to itself stays, as do all objects that hang on it. Here what such a consumer
holds is taken out of what is frozen, object by object, and a collection of the youngest generation
finds the cycle. That takes a millisecond at most, where looking at everything takes half a second
beside ten thousand connections.

CPython has no function to unfreeze an object, but two that take it from the collector and give it
back, as a young one: ``PyObject_GC_UnTrack`` and ``PyObject_GC_Track``, of the stable ABI. What is
missed, as a cycle that is longer than is looked at here, is left to ``gc_freeze``.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from time import thread_time
from types import ModuleType
from typing import Any

from channels_bridge.server.websocket.context import Context

#: Objects of one consumer that are looked at. One without anything of its own has fewer than 200.
MOST = 500

#: Seconds of CPU time in each turn, of the loop's between two turns while some wait, and otherwise.
BUDGET = 0.003
PAUSE = 0.02
EVERY = 1.0

#: Where types are from whose objects many share, or that refer to no consumer.
SHARED = (
    "asgiref.",
    "asyncio.",
    "channels.",
    "channels_bridge.",
    "concurrent.",
    "django.",
    "logging",
    "threading",
    "uvloop",
)

#: Names that only the dict of a module has.
MODULES = ("__builtins__", "__build_class__")


class Leavers:
    """Looks after consumers that have ended, a few at a time.

    Args:
        context: notes those that were there at a freeze.
    """

    def __init__(self, context: Context) -> None:
        self._waiting = context.leavers
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look after them, where that can be done."""
        if not can_make_young():
            return
        wait = PAUSE if self._waiting else EVERY
        self._timer = asyncio.get_running_loop().call_later(wait, self._turn)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _turn(self) -> None:
        try:
            if not is_automatic():
                self._waiting.clear()  # the project does not want it
            elif self._waiting and self._thaw_some():
                gc.collect(0)
        finally:  # what hangs on a consumer may be anything: the next one has its turn, too
            self.start()

    def _thaw_some(self) -> bool:
        """Thaw those that are still there, as long as the budget lasts. Whether there was any."""
        began, found = thread_time(), False
        while self._waiting and thread_time() - began < BUDGET:
            consumer = self._waiting.popleft()()
            if consumer is not None:
                make_young(objects_of(consumer))
                found = True
        return found


def is_automatic() -> bool:
    """Whether Python collects by itself here."""
    return gc.isenabled() and gc.get_threshold()[0] > 0


def objects_of(root: object) -> list[object]:
    """The objects that the collector looks at which hang on one, those nearest to it first.

    What others share is left out, as far as that can be told.
    """
    found = {id(root): root}
    queue = deque([root])
    while queue:
        for each in gc.get_referents(queue.popleft()):
            if id(each) not in found and gc.is_tracked(each) and not _is_shared(each):
                if len(found) >= MOST:
                    return list(found.values())
                found[id(each)] = each
                queue.append(each)
    return list(found.values())


def make_young(objects: list[object]) -> None:
    """Let the next collection of the youngest generation look at these objects."""
    untrack, track = _functions()
    enabled = gc.isenabled()
    # In one step of the interpreter, in which no other thread and no collection can run: it is
    # fatal to give the collector an object that it has.
    gc.disable()
    try:
        deque(chain(map(untrack, objects), map(track, objects)), maxlen=0)
    finally:
        if enabled:
            gc.enable()


def can_make_young() -> bool:
    """Whether this interpreter's collector works as described above."""
    has_gil: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return sys.implementation.name == "cpython" and has_gil()


def _is_shared(each: object) -> bool:
    # By its type alone: isinstance() asks lazy objects what they are, which may be a query.
    kind = type(each)
    if kind is dict:
        return any(name in each for name in MODULES)  # type: ignore[operator]
    return issubclass(kind, type | ModuleType) or str(kind.__module__).startswith(SHARED)


@lru_cache
def _functions() -> tuple[Callable[[Any], None], Callable[[Any], None]]:
    import ctypes  # takes memory, and few workers need it

    # Of our own: those that are attributes of ``pythonapi`` are everybody's.
    prototype = ctypes.PYFUNCTYPE(None, ctypes.py_object)
    untrack = prototype(("PyObject_GC_UnTrack", ctypes.pythonapi))
    return untrack, prototype(("PyObject_GC_Track", ctypes.pythonapi))
