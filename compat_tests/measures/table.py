"""Rows of measures, and the tables that show them: of today, or beside another revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

WORSE = "<- worse"


@dataclass(frozen=True)
class Row:
    """One line of a table: its figures, which way they should go, and the places they come from."""

    name: str
    figures: tuple[float, ...]
    wanted: Literal["less", "more"] | None = None
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The figures; decimals only where they say something."""
        return " / ".join(f"{figure:,.1f}".removesuffix(".0") for figure in self.figures)

    def is_worse(self, then: Row) -> bool:
        """Whether one of the figures has gone the wrong way, as far as is printed."""
        sign = {"less": 1, "more": -1, None: 0}[self.wanted]
        pairs = zip(self.figures, then.figures, strict=True)
        return any(sign * (round(now, 1) - round(before, 1)) > 0 for now, before in pairs)


#: All rows of one column, by their names.
Column: TypeAlias = dict[str, Row]


def spread(values: list[int]) -> tuple[float, float, float]:
    """Median, 90th percentile and maximum; zeros where there are no values."""
    ordered = sorted(values) or [0]
    return median(ordered), ordered[int(0.9 * len(ordered))], ordered[-1]


def share(part: float, whole: float) -> float:
    """Per cent; 0 of nothing."""
    return 100 * part / whole if whole else 0.0


def format_columns(columns: dict[str, Column]) -> Iterator[str]:
    """Format a line for each measure, with a column for each part of the code."""
    names = dict.fromkeys(name for column in columns.values() for name in column)
    cells = [[str(column.get(name, "-")) for column in columns.values()] for name in names]
    yield from _align(
        ["", *columns], *([name, *line] for name, line in zip(names, cells, strict=True))
    )


def format_comparison(title: str, then: Column, now: Column, revision: str) -> Iterator[str]:
    """Format a line for each measure of a part: then, today, and a mark where today is worse."""
    lines = [
        [name, str(then[name]), str(row), WORSE if row.is_worse(then[name]) else ""]
        for name, row in now.items()
    ]
    yield from _align([title, revision, "today", ""], *lines)


def format_places(title: str, rows: list[Row]) -> Iterator[str]:
    """Format under each measure the places that it comes from."""
    for row in rows:
        if row.places:
            yield f"\n{title}, {row.name}: {row}"
            yield from (f"  {place}" for place in row.places)


def _align(*lines: list[str]) -> Iterator[str]:
    """Pad the cells of each column to the longest."""
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()
