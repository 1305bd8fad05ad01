"""One run of the benchmark: all rounds of a plan, on one project."""

from __future__ import annotations

import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from channels_bridge.bench.report import printed
from channels_bridge.bench.report.machine import header
from channels_bridge.bench.report.results import Results
from channels_bridge.bench.rounds.plan import Plan
from channels_bridge.bench.stacks import sites
from channels_bridge.bench.stacks.sites import Site

#: What a stack lacks, and where that is.
WHERE = "modules are in the extra bench, programs are looked for on PATH"


def run(plan: Plan, project: AbstractContextManager[Site], program: str) -> Results:
    """Measure all rounds of a plan; prints beforehand on what, and how long it takes.

    Args:
        plan: the rounds.
        project: what is served, for as long as it takes.
        program: the command's name, for the header.
    """
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the servers, too, as Ctrl-C does
    for stack, missing in plan.skipped.items():
        print(f"{stack} is skipped: {', '.join(missing)} not installed ({WHERE})")
    results = Results(header(plan.stacks, program))
    print("\n".join(printed.header(results)))
    print(f"about {plan.estimate / 60:.0f} minutes", flush=True)
    with project as site:
        plan.run(site, results)
    return results


@contextmanager
def sample_project() -> Iterator[Site]:
    """The benchmark's own project, with its database, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="cb-bench-") as directory:
        yield sites.sample(Path(directory))


def raise_file_limit() -> None:
    """Let this process, and those that it starts, open as many connections as they may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
