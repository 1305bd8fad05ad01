"""Channel layers side by side: a line for each load that crosses processes, a column a layer.

Documents have them in a section of its own, with all figures of those scenarios that are about
nothing else: a run of these takes minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from channels_bridge.bench.loads.scenarios import SCENARIOS
from channels_bridge.bench.report import printed
from channels_bridge.bench.report.columns import COLUMNS
from channels_bridge.bench.report.results import Results, Row
from channels_bridge.bench.report.tables import markdown, table, title
from channels_bridge.bench.stacks.channel_layers import (
    CORE,
    GRPC,
    NATS,
    NATS3,
    PUBSUB,
    Layer,
)
from channels_bridge.bench.stacks.stack import STACKS
from compat_tests.bench import history_compared, targets

#: The scenarios that are told nowhere else.
ABOUT_LAYERS = ("cross", "in-force", "outside")

#: The layers, in words.
LAYERS = {
    "the hub": GRPC,
    "NATS, one node": NATS,
    "NATS, three nodes": NATS3,
    "channels_redis pubsub": PUBSUB,
    "channels_redis core": CORE,
}


@dataclass(frozen=True)
class Line:
    """One figure of one load.

    Args:
        scenario: of which it is.
        case: which of its loads.
        column: in ``report.columns``.
    """

    scenario: str
    case: str
    column: str

    def cells(self, results: Results) -> list[str]:
        """What it is, and the figure of each layer; an empty list where none was measured."""
        rows = [row for row in results.of(self.scenario) if row.case == self.case]
        figures = [self.figure(rows, layer) for layer in LAYERS.values()]
        what = f"{self.scenario}, {self.case}" if self.case else self.scenario
        heading = COLUMNS[self.column].title(SCENARIOS[self.scenario].unit)
        return [what, heading, *figures] if rows else []

    def figure(self, rows: list[Row], layer: Layer) -> str:
        """The best median of the servers that were measured with a layer."""
        column = COLUMNS[self.column]
        ours = [row for row in rows if STACKS[row.stack].layer is layer]
        medians = [value for row in ours if (value := row.median(column.figure)) is not None]
        return column.form.format(min(medians)) if medians else "-"


LINES = (
    Line("cross", "one worker", "cpu"),
    Line("cross", "two workers", "cpu"),
    Line("many-groups", "500 groups of 1", "cpu"),
    Line("many-groups", "5,000 groups, each in 100", "cpu"),
    Line("in-force", "", "in_force"),
    Line("in-force", "", "growth"),
    Line("outside", "from a thread", "cpu"),
    Line("outside", "from a view", "cpu"),
)


def compared(results: Results) -> str:
    """A Markdown table with the main figures of each layer."""
    lines = [cells for line in LINES if (cells := line.cells(results))]
    return markdown([["", "", *LAYERS], *lines])


def in_full(results: Results) -> str:
    """The comparison, what it takes to repeat it, every figure behind it, and what is aimed at."""
    aimed = targets.of(ABOUT_LAYERS.__contains__)
    aims = "\n".join(f"- {line}" for line in targets.lines(results, aimed))
    return "\n\n".join([compared(results), origin(results), *tables(results), aims])


def origin(results: Results) -> str:
    """The header as a Markdown list."""
    return "\n".join(f"- {line}" for line in printed.header(results))


def tables(results: Results) -> Iterator[str]:
    """The tables of the scenarios that are told nowhere else, each under its question."""
    told = history_compared.left_out(results)
    for name in filter(told.of, ABOUT_LAYERS):
        yield f"**{title(name)}**\n\n{table(told, name)}"
