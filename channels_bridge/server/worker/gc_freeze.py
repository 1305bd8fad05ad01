"""Short garbage collections: what survives one is frozen (``gc.freeze``), and not looked at again.

A full collection of CPython looks at every object there is while everything else waits, which takes
half a second where there are ten thousand connections. What a project has loaded is therefore
frozen before the first connection comes; and so are later the survivors of a full collection, as
soon as they are so many that a collection takes long. Some hundred connections never are. Where a
project has disabled the collector, nothing is done.

Frozen objects are freed as ever once nothing refers to them. Only frozen garbage in cycles stays.
What consumers leave when they end is looked after one by one (``gc_thaw``). What that misses is
found by unfreezing everything, and one long collection. Nothing but memory tells whether that is
worth it: the process has to have grown by more than its open connections explain, and connections
that were open at a freeze have to have ended, as others leave nothing that is frozen.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import sys
from collections.abc import Iterator, Mapping
from time import monotonic, thread_time

from channels_bridge.server.websocket.context import Context
from channels_bridge.server.worker.gc_thaw import Leavers, is_automatic
from channels_bridge.server.worker.wear import resident_memory

#: CPython's number of the oldest generation, with which all are collected.
FULL = 2

#: Seconds of CPU time after which a full collection was a long one. Whoever waits for a message
#: notices some tens of milliseconds.
LONG = 0.01

#: Objects that make it long: so many new ones bring about a full collection, if Python does not
#: wait for fewer, and as many that stay are frozen. Python's own thresholds are 70,000 and 200,000.
MANY = 10_000

#: Seconds between two checks of what has ended, and how much memory there is.
EVERY = 1.0

#: Bytes, and seconds, after which what ended connections left is collected. Python counts objects,
#: of which a quiet process makes too few for a collection, however large they are.
PENDING = 16 * 2**20
LATEST = 10.0

#: Bytes that ended connections may have left before they are looked for.
LEFT = 32 * 2**20

#: What one connection takes is known once so many have come, and next to none of them has ended.
KNOWN = 1000
NEXT_TO_NONE = 0.02

#: Bytes of growth after which they are looked for whatever explains it, if the process has doubled,
#: too. Ten thousand idle connections are about as much.
GREAT_GROWTH = 256 * 2**20

#: The part of the time that looking at everything may take, which decides how long the next look
#: waits: these seconds at most, or the latter where the looks before were in vain.
SHARE = 0.01
WAIT = 60.0
WAIT_IN_VAIN = 300.0


@contextlib.contextmanager
def sparing(context: Context) -> Iterator[None]:
    """Keep collections short in this process until the block ends.

    Args:
        context: the connections that are served here, by the running loop.
    """
    thresholds = gc.get_threshold()
    survivors = Survivors(context)
    gc.callbacks.append(survivors.note)
    try:
        if is_automatic():
            young, middle, full = thresholds
            gc.set_threshold(young, middle, min(full, max(MANY // max(young * middle, 1), 1)))
            survivors.look()
        survivors.start()
        yield
    finally:
        survivors.stop()
        gc.callbacks.remove(survivors.note)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Survivors:
    """Freezes the survivors of full collections, and looks at them again when that is worth it.

    Args:
        context: the connections, which count how many have ended.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0  # the full collection that runs
        #: The end of the last one, the memory then, and how many connections had ended.
        self._collected = (0.0, 0, 0)
        self._looked = 0.0  # the end of the last look; monotonic time
        self._wait = 0.0  # seconds until the next one, at least
        self._unserved = memory()  # before the first connection
        #: Memory and connections at the last look, and how many frozen ones had ended.
        self._memory = self._unserved
        self._open = 0
        self._frozen_ended = 0
        self._each = 0.0  # bytes that a connection takes; 0 while that isn't known
        self._leavers = Leavers(context)
        self._has_frozen = False  # more than what was there before the first connection

    def start(self) -> None:
        self._leavers.start()
        self._check_later()

    def stop(self) -> None:
        self._leavers.stop()
        if self._timer is not None:
            self._timer.cancel()

    def _check_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._check)

    def note(self, phase: str, info: Mapping[str, int]) -> None:
        """Take part in a collection; one of ``gc.callbacks``."""
        if info["generation"] != FULL:
            return
        if phase == "start":
            self._began = thread_time()
            return
        # CPU time: where others have the processor, a short collection may take long, too.
        if thread_time() - self._began > LONG and len(gc.get_objects()) > MANY:
            self._freeze()  # it was not what it freed that took so long
        self._collected = (monotonic(), memory(), self._context.ended)

    def look(self) -> None:
        """Collect all garbage there is, and freeze the rest."""
        before, began = memory(), thread_time()
        gc.unfreeze()
        gc.collect()
        self._freeze()
        # Python puts a full collection off until new objects are a quarter of what the last one
        # left. This one leaves nothing, so that the next is not put off.
        gc.collect()
        self._memory, self._open = memory(), len(self._context.connections)
        self._frozen_ended = self._context.frozen_ended
        in_vain = before - self._memory < LEFT / 2
        wait = min((thread_time() - began) / SHARE, WAIT)
        self._wait = max(wait, min(2 * self._wait, WAIT_IN_VAIN)) if in_vain else wait
        self._looked = monotonic()

    def _freeze(self) -> None:
        gc.freeze()
        self._context.freeze()
        self._has_frozen = bool(self._context.connections or self._context.ended)

    def _check(self) -> None:
        self._check_later()
        if not is_automatic():
            return
        if self._is_collection_due():
            gc.collect()
        if self._is_look_due():
            self.look()

    def _is_collection_due(self) -> bool:
        at, then, ended = self._collected
        if self._context.ended == ended:
            return False
        return memory() - then > PENDING or monotonic() - at > LATEST

    def _is_look_due(self) -> bool:
        growth = memory() - self._memory
        return (
            self._has_frozen
            and monotonic() - self._looked >= self._wait
            and (self._left(growth) > LEFT or growth > max(GREAT_GROWTH, self._memory))
        )

    def _left(self, growth: int) -> float:
        """Bytes that frozen connections may have left that have ended since the last look."""
        ended = self._context.frozen_ended - self._frozen_ended
        change = len(self._context.connections) - self._open
        if change < 0:  # what they took should be free
            growth += (self._memory - self._unserved) * -change // self._open
        came = max(change, 0)
        if came >= KNOWN and ended <= came * NEXT_TO_NONE:
            self._each = growth / came
        if not ended:
            return 0.0
        # One that ended may have left as much as one that came takes; where it is known what those
        # take, no more than the rest.
        left = growth * ended / (ended + came)
        return min(left, growth - came * self._each) if self._each else left


def memory() -> int:
    """Bytes of memory that this process has; where the system does not say it, the most it had."""
    try:
        return resident_memory()
    except OSError:  # it isn't Linux, or no descriptor is left
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
