"""The load generator: a process of its own, on native code, lest its work pass for the servers'."""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from typing import Any

from uvloop import run

from channels_bridge.bench.generator.closed_loop import loop, outside, together
from channels_bridge.bench.generator.connection_loads import connect, idle, join
from channels_bridge.bench.generator.gauge import Gauge, Outcome
from channels_bridge.bench.generator.open_loop import rate
from channels_bridge.bench.generator.page_clients import pages
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.loads import (
    Connect,
    Idle,
    Join,
    Load,
    Loop,
    Outside,
    Pages,
    Rate,
    Together,
)

KINDS: dict[type[Load], Callable[[Any, Timing, Gauge], Coroutine[Any, Any, Outcome]]] = {
    Connect: connect,
    Idle: idle,
    Join: join,
    Loop: loop,
    Outside: outside,
    Pages: pages,
    Rate: rate,
    Together: together,
}


def generate(load: Load, timing: Timing, pipe: Connection) -> None:
    """Run a load in this process; what it showed goes through the pipe."""
    gc.disable()  # its pauses would pass for the servers'
    gauge = Gauge(pipe)
    gauge.finish(run(KINDS[type(load)](load, timing, gauge)))
