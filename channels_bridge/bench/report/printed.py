"""The report as it is printed: a header, all tables, and whether the load generator kept up."""

from __future__ import annotations

from channels_bridge.bench.report.results import Results
from channels_bridge.bench.report.tables import label, names, table, title

#: The share of the generator's core from which on a row tells more about it than about the stack.
BUSY = 0.9


def header(results: Results) -> list[str]:
    """Lines with the place, time and versions of a run."""
    return [f"{name}: {value}" for name, value in results.header.items()]


def text(results: Results) -> str:
    """All tables, and what the load generator could take."""
    parts = [f"\n{title(name)}\n\n{table(results, name)}" for name in names(results)]
    return "\n".join([*parts, "", *ceiling(results)])


def ceiling(results: Results) -> list[str]:
    """What the load generator could take, and where it was busy with less."""
    lines = []
    floor = results.row("fanout", "", "picows-frames")
    if floor and (cost := floor.median("generator_us")):
        lines.append(
            f"The load generator needs {cost:.1f} us for a delivery that costs the barest server "
            f"{floor.median('cpu_us'):.1f}: it could take {1e6 / cost:,.0f}/s."
        )
    return [*lines, *where_busy(results)]


def where_busy(results: Results) -> list[str]:
    """The stacks whose figures the load generator may have limited."""
    busy = {label(row): row.median("generator_busy") or 0.0 for row in results}
    return [
        f"The load generator was {share:.0%} busy: {name} may be faster than shown."
        for name, share in busy.items()
        if share > BUSY
    ]
