"""``python -m channels_bridge.bench``: measure the stacks side by side and print tables."""

from __future__ import annotations

import resource
import signal
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from channels_bridge.bench import chart, own, report, sites
from channels_bridge.bench.machine import header
from channels_bridge.bench.options import parse
from channels_bridge.bench.plan import Plan
from channels_bridge.bench.results import Results
from channels_bridge.bench.scenarios import SCENARIOS, Scenario


def main() -> None:
    options = parse(sys.argv[1:])
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the servers, too, as Ctrl-C does
    plan = Plan(chosen(options), options.stacks, options.rounds, options.warmup, options.seconds)
    for stack, missing in plan.skipped.items():
        print(f"{stack} is skipped: {', '.join(missing)} not installed (extra: bench)")
    results = Results(header(plan.stacks))
    print("\n".join(report.header(results)))
    print(f"about {plan.estimate / 60:.0f} minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="cb-bench-") as directory:
        site = own.site(options) if options.app else sites.sample(Path(directory))
        plan.run(site, results)
    print(report.text(results))
    if options.json:
        options.json.write_text(results.as_json() + "\n")
    if options.chart:
        options.chart.write_text(chart.draw(results))


def raise_file_limit() -> None:
    """Let this process, and those that it starts, open as many connections as they may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def chosen(options: Namespace) -> Sequence[Scenario]:
    """The scenarios that the command line asks for."""
    if options.app:
        return own.scenarios(options)
    names = options.scenario or ["all"]
    return [SCENARIOS[name] for name in (SCENARIOS if "all" in names else dict.fromkeys(names))]


if __name__ == "__main__":
    main()
