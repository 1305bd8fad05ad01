"""Rounds put together: medians in a table, everything in JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from .measure import Round
from .scenarios import Scenario
from .stacks import Stack, redis_version

Results = Mapping[str, Sequence[Round]]
COLUMNS: tuple[tuple[str, Callable[[Sequence[Round]], str]], ...] = (
    ("deliveries/s", lambda rounds: spread(rounds, lambda r: r.rate, "{:,.0f}")),
    ("CPU us/delivery", lambda rounds: spread(rounds, lambda r: r.cpu_us, "{:.1f}")),
    ("p50 ms", lambda rounds: spread(rounds, lambda r: r.counts.p50_ms, "{:.1f}")),
    ("p99 ms", lambda rounds: spread(rounds, lambda r: r.counts.p99_ms, "{:.1f}")),
    ("expected", lambda rounds: total(rounds, "expected")),
    ("delivered", lambda rounds: total(rounds, "delivered")),
    ("duplicated", lambda rounds: total(rounds, "duplicated")),
    ("out of order", lambda rounds: total(rounds, "out_of_order")),
    ("connections lost", lambda rounds: total(rounds, "connections_lost")),
)


def spread(rounds: Sequence[Round], value: Callable[[Round], float], form: str) -> str:
    """The median, and the least and greatest in brackets."""
    values = [value(round) for round in rounds]
    low, high = form.format(min(values)), form.format(max(values))
    return f"{form.format(median(values))} ({low}-{high})"


def total(rounds: Sequence[Round], count: str) -> str:
    return f"{sum(getattr(round.counts, count) for round in rounds):,}"


def header(stacks: Sequence[Stack]) -> dict[str, str]:
    """The machine and the versions that the figures belong to."""
    names = ["django", "channels", "picows", *(name for stack in stacks for name in stack.versions)]
    versions = [f"{name} {installed(name)}" for name in dict.fromkeys(names)]
    if any(stack.redis for stack in stacks):
        versions.append(f"redis-server {redis_version()}")
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores, {processor()}, {platform.system()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": ", ".join(versions),
    }


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(not installed)"


def table(results: Results) -> str:
    """A Markdown table with one row per stack, and how the last compares to the others."""
    rows = [["stack", *(name for name, _ in COLUMNS)]]
    rows += [[stack, *(cell(rounds) for _, cell in COLUMNS)] for stack, rounds in results.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join([*lines, *ratios(results)])


def ratios(results: Results) -> list[str]:
    """CPU time per delivery of each stack, as a multiple of the thriftiest one's."""
    cpu = {stack: median(round.cpu_us for round in rounds) for stack, rounds in results.items()}
    least = min(cpu, key=lambda stack: cpu[stack])
    return [
        f"CPU per delivery: {stack} is {cpu[stack] / cpu[least]:.1f} times {least}"
        for stack in results
        if stack != least
    ]


def as_json(header: Mapping[str, str], scenario: Scenario, results: Results) -> str:
    """Every round's figures, with the header and the scenario."""
    rounds = {
        stack: [{**asdict(r.counts), "cpu_us": r.cpu_us, "rate": r.rate} for r in rounds]
        for stack, rounds in results.items()
    }
    return json.dumps({**header, "scenario": asdict(scenario), "rounds": rounds}, indent=2)
