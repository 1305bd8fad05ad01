"""One round of one stack: start it, load it, read its CPU time, stop it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .load import Counts
from .processes import ProcessFailed, cpu_seconds
from .scenarios import Scenario
from .stacks import Running, Stack


@dataclass(frozen=True)
class Round:
    """What one round showed.

    Args:
        counts: what arrived at the clients.
        cpu_us: CPU time per delivery, of all server-side processes, in microseconds.

    """

    counts: Counts
    cpu_us: float

    @property
    def rate(self) -> float:
        """Deliveries per second."""
        return self.counts.measured_deliveries / self.counts.measured_seconds


def measure(stack: Stack, scenario: Scenario, warmup: float, seconds: float) -> Round:
    """Serve with fresh processes, warm up for `warmup` seconds, measure for `seconds`."""
    with (
        tempfile.TemporaryDirectory(prefix="cb-bench-") as directory,
        stack.serve(Path(directory)) as running,
    ):
        return load(running, scenario, warmup, seconds)


def load(running: Running, scenario: Scenario, warmup: float, seconds: float) -> Round:
    """Run the load generator. It says when the measured time begins and ends."""
    module = [sys.executable, "-m", "channels_bridge.bench.load"]
    arguments = [str(running.port), scenario.name, str(warmup), str(seconds)]
    with subprocess.Popen([*module, *arguments], stdout=subprocess.PIPE, text=True) as generator:
        assert generator.stdout is not None
        cpu = []
        for line in generator.stdout:
            if line in {"begin\n", "end\n"}:
                cpu.append(cpu_seconds(running.pids))
            else:
                counts = Counts(**json.loads(line))
    if generator.returncode != 0 or len(cpu) != 2:
        raise ProcessFailed(f"the load generator ended with exit code {generator.returncode}")
    return Round(counts, (cpu[1] - cpu[0]) * 1e6 / max(counts.measured_deliveries, 1))
