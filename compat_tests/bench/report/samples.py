"""Results to report on."""

from __future__ import annotations

from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.report.results import Results, Round


def results() -> Results:
    """Three rounds of two stacks; the second one loses a message in each."""
    results = Results({"python": "3"})
    for cpu in (30, 10, 20):
        figures = {"cpu_us": cpu, "rate": 500, "p50_ms": 1, "p99_ms": 2}
        results.add("fanout", "", "websockets_server", Round(Counts(400, 400), figures))
        slow = {**figures, "cpu_us": cpu * 30}
        results.add("fanout", "", "daphne+core", Round(Counts(400, 399), slow))
    return results
