"""One round of one stack: start it, load it, read its CPU time and memory, stop it."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from channels_bridge.bench.generator import generate
from channels_bridge.bench.generator.gauge import MARK, Outcome
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.loads import Load, Outside
from channels_bridge.bench.report.results import Round
from channels_bridge.bench.stacks.processes import Processes, ProcessFailed, Reading
from channels_bridge.bench.stacks.sites import Site
from channels_bridge.bench.stacks.stack import Stack

KIB = 1024
MIB = 1024 * KIB


def measure(stack: Stack, site: Site, load: Load, warmup: float, seconds: float) -> Round:
    """Serve with fresh processes, warm up for ``warmup`` seconds, measure for ``seconds``.

    Raises:
        ProcessFailed: the servers, their broker or the load generator did.
    """
    if load.login:
        load = replace(load, headers=(*load.headers, ("Cookie", site.cookie)))
    caller = load.caller if isinstance(load, Outside) else ""
    with (
        tempfile.TemporaryDirectory(prefix="cb-bench-") as directory,
        stack.serve(site, Path(directory), caller) as running,
    ):
        timing = Timing(running.port, running.caller_port, warmup, seconds)
        readings, outcome = apply(load, timing, running.pids)
    return conclude(load, readings, outcome)


def apply(load: Load, timing: Timing, pids: Sequence[int]) -> tuple[list[Reading], Outcome]:
    """Run the load generator, and read the processes when it says."""
    with generator(load, timing) as pipe:
        try:
            return read_at_marks(pipe, pids)
        except EOFError:
            raise ProcessFailed("the load generator did not finish") from None


def read_at_marks(pipe: Connection, pids: Sequence[int]) -> tuple[list[Reading], Outcome]:
    """Read the processes at each mark of the load generator, until it tells its outcome."""
    readings: list[Reading] = []
    while (told := pipe.recv()) == MARK:
        if not readings:  # all that serves has started by now
            processes = Processes(pids)
        readings.append(processes.read())
        pipe.send(None)
    return readings, told


@contextmanager
def generator(load: Load, timing: Timing) -> Iterator[Connection]:
    """A process that runs the load; gives the pipe on which it tells how it goes."""
    # Spawned: the load generator shares no state with the benchmark.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=generate, args=(load, timing, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join()


def conclude(load: Load, readings: list[Reading], outcome: Outcome) -> Round:
    """Turn readings into costs: CPU time per unit of work, memory per connection."""
    begin, end = readings
    cpu = end.cpu_seconds - begin.cpu_seconds
    work = max(outcome.work, 1)  # nothing at all may have arrived
    growth = end.resident - begin.resident
    figures = {
        **outcome.figures,
        "seconds": outcome.seconds,
        "rate": outcome.work / outcome.seconds,
        "cpu_us": cpu * 1e6 / work,
        "per_cpu_second": outcome.work / cpu if cpu else 0.0,
        "kib": growth / KIB / load.connections,
        "growth_mib": growth / MIB,
        "base_mib": max(begin.memory) / MIB,
        "generator_us": outcome.generator_seconds * 1e6 / work,
        "generator_busy": outcome.generator_seconds / outcome.seconds,
    }
    return Round(outcome.counts, figures)
