"""What came of all plots, as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from compat_tests.groups.nats.faults.plots import Plot
from compat_tests.groups.nats.faults.scene import Outcome
from compat_tests.groups.nats.faults.verdict import Verdict

HEAD = (
    *("plot", "well", "deliveries", "lost", "declared", "twice", "out of order"),
    *("reconnects", "gaps", "recovered", "resent", "longest pause"),
)


@dataclass(frozen=True)
class Row:
    """One plot, as often as it was played."""

    plot: Plot
    outcomes: Sequence[Outcome]

    @property
    def well(self) -> int:
        """How often it ended as the layer promises."""
        return sum(map(self.plot.is_well, self.outcomes))

    @property
    def is_good(self) -> bool:
        return self.well == len(self.outcomes)

    def cells(self) -> list[object]:
        """As in ``HEAD``."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        return [
            self.plot.name,
            f"{self.well} of {len(verdicts)}",
            f"{sum(verdict.expected for verdict in verdicts):,}",
            sum(sum(verdict.lost.values()) for verdict in verdicts),
            " and ".join(self._declared(verdicts)),
            sum(verdict.twice for verdict in verdicts),
            sum(verdict.disordered for verdict in verdicts),
            *(self._total(name) for name in ("reconnects", "gaps", "recovered", "resent")),
            f"{max(outcome.figures.get('pause', 0) for outcome in self.outcomes) / 1000:.1f} s",
        ]

    def _declared(self, verdicts: Sequence[Verdict]) -> Iterator[str]:
        yield str(sum(verdict.declared for verdict in verdicts))
        if vague := sum(verdict.vague for verdict in verdicts):
            yield f"{vague} times without a number"

    def _total(self, figure: str) -> str:
        return f"{sum(outcome.figures.get(figure, 0) for outcome in self.outcomes):,}"


def show(rows: Iterable[Row]) -> str:
    """The table."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
