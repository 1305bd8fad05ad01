"""The columns of tables: which figure each shows, and in what form."""

from __future__ import annotations

from dataclasses import dataclass

from channels_bridge.bench.report.results import Row


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        heading: ``{unit}`` is filled in.
        figure: what it shows, of a round's figures.
        form: how.
        more: whether more of it is better, not less.
    """

    heading: str
    figure: str
    form: str = "{:,.1f}"
    more: bool = False

    def title(self, unit: str) -> str:
        """The heading, for what is counted."""
        units = f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"
        return self.heading.format(unit=unit, units=units)

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
    "rate": Column("{units}/s", "rate", "{:,.0f}", more=True),
    "p50": Column("p50 ms", "p50_ms"),
    "p99": Column("p99 ms", "p99_ms"),
    "late": Column("sent late, p99 ms", "late_ms"),
    "max": Column("longest ms", "max_ms"),
    "kib": Column("KiB/connection", "kib"),
    "base": Column("process MiB", "base_mib"),
    "in_force": Column("s until all are in force", "in_force_s"),
    "growth": Column("memory grown MiB", "growth_mib"),
    "per_cpu_second": Column("{units} per CPU second", "per_cpu_second", "{:,.0f}", more=True),
}
