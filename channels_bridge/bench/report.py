"""Tables of what was measured. ``python -m channels_bridge.bench.report FILE`` reads the JSON."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import chart, targets
from .results import Results, Row
from .scenarios import SCENARIOS

README_TABLE = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->\n)", re.DOTALL)
BUSY = 0.9  # of the generator's core, from which on a row tells more about it than about the stack


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        heading: `{unit}` is filled in.
        figure: what it shows, of a round's figures.
        form: how.
        scale: what the figure is multiplied by.

    """

    heading: str
    figure: str
    form: str = "{:,.1f}"

    def cell(self, row: Row) -> str:
        """The median, and the least and greatest in brackets if there are several rounds."""
        values = [self.form.format(value) for value in sorted(row.values(self.figure))]
        median = row.median(self.figure)
        if median is None:
            return "-"
        spread = f" ({values[0]}-{values[-1]})" if len(values) > 1 else ""
        return self.form.format(median) + spread


COLUMNS = {
    "cpu": Column("CPU us/{unit}", "cpu_us"),
    "rate": Column("{units}/s", "rate", "{:,.0f}"),
    "p50": Column("p50 ms", "p50_ms"),
    "p99": Column("p99 ms", "p99_ms"),
    "max": Column("longest ms", "max_ms"),
    "kib": Column("KiB/connection", "kib"),
    "base": Column("process MiB", "base_mib"),
    "growth": Column("memory grown MiB", "growth_mib"),
    "per_cpu_second": Column("{units} per CPU second", "per_cpu_second", "{:,.0f}"),
}


def header(results: Results) -> list[str]:
    """Where, when and with what it was measured."""
    return [f"{name}: {value}" for name, value in results.header.items()]


def text(results: Results) -> str:
    """All tables, what the load generator could take, and the targets."""
    parts = [f"\n{title(name)}\n\n{table(results, name)}" for name in names(results)]
    return "\n".join([*parts, "", *ceiling(results), "", *targets.lines(results)])


def names(results: Results) -> list[str]:
    """The scenarios that were measured."""
    return list(dict.fromkeys(row.scenario for row in results))


def title(name: str) -> str:
    return f"{name}: {SCENARIOS[name].question}" if name in SCENARIOS else name


def table(results: Results, name: str) -> str:
    """A Markdown table with one row per stack and load."""
    scenario = SCENARIOS.get(name, SCENARIOS["fanout"])
    columns = [COLUMNS[column] for column in scenario.columns]
    fill = {"unit": scenario.unit, "units": plural(scenario.unit)}
    rows = [["stack", *(column.heading.format(**fill) for column in columns), "arrived"]]
    for row in results.of(name):
        rows.append([label(row), *(column.cell(row) for column in columns), arrived(row)])
    return markdown(rows)


def markdown(rows: list[list[str]]) -> str:
    """Rows as Markdown; the first is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def plural(unit: str) -> str:
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"


def label(row: Row) -> str:
    return f"{row.stack}, {row.case}" if row.case else row.stack


def arrived(row: Row) -> str:
    """Whether all came once and in order; what is wrong, if something is."""
    if row.failure:
        return f"failed: {row.failure}"
    expected = row.count("expected")
    wrong = {
        f"of {expected:,} lost": expected - row.count("delivered"),
        "duplicated": row.count("duplicated"),
        "out of order": row.count("out_of_order"),
        "connections lost": row.count("connections_lost"),
    }
    told = [f"{count:,} {what}" for what, count in wrong.items() if count]
    return ", ".join(told) or (f"all {expected:,}" if expected else "all")


def ceiling(results: Results) -> list[str]:
    """What the load generator could take, and where it was busy with less."""
    lines = []
    floor = results.row("fanout", "", "picows-frames")
    if floor and (cost := floor.median("generator_us")):
        lines.append(
            f"The load generator needs {cost:.1f} us for a delivery that costs the barest server "
            f"{floor.median('cpu_us'):.1f}: it could take {1e6 / cost:,.0f}/s."
        )
    busy = {label(row): row.median("generator_busy") or 0.0 for row in results}
    lines += [
        f"The load generator was {share:.0%} busy: {name} may be faster than shown."
        for name, share in busy.items()
        if share > BUSY
    ]
    return lines


def summary(results: Results) -> str:
    """What README shows: the main figure of each scenario, ours beside the others'."""
    return "\n\n".join(
        [
            f"**{name}.** {SCENARIOS[name].question}\n\n{table(results, name)}"
            for name in names(results)
        ]
    )


def write_readme(path: Path, results: Results) -> None:
    """Replace what is between README's marks."""
    lines = "\n".join(f"- {line}" for line in header(results))
    new = f"{lines}\n\n{summary(results)}\n"
    path.write_text(README_TABLE.sub(lambda found: found[1] + new + found[2], path.read_text()))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m channels_bridge.bench.report", description=__doc__)
    parser.add_argument("file", type=Path, help="what --json wrote")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the figures there, as SVG")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="put the tables there")
    options = parser.parse_args(arguments)
    results = Results.from_json(options.file.read_text())
    print("\n".join(header(results)))
    print(text(results))
    if options.chart:
        options.chart.write_text(chart.draw(results))
    if options.readme:
        write_readme(options.readme, results)


if __name__ == "__main__":
    main()
