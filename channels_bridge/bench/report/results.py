"""Results: the figures and counts of all rounds, as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from channels_bridge.bench.generator.ledger import Counts

COUNTS = ("expected", "delivered", "duplicated", "out_of_order", "connections_lost")


@dataclass(frozen=True)
class Round:
    """The counts and figures of one round.

    Args:
        counts: what arrived at the clients.
        figures: by name; see ``report.columns``.
        failure: why there are none, if there are none.
    """

    counts: Counts
    figures: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True)
class Row:
    """The rounds of one stack, under one load.

    Args:
        scenario: what was looked at.
        case: which of its loads; "" if there is only one.
        stack: what served.
        rounds: in order.
    """

    scenario: str
    case: str
    stack: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def failure(self) -> str:
        """Why a round failed; "" if none did."""
        return next((round.failure for round in self.rounds if round.failure), "")

    def values(self, figure: str) -> list[float]:
        """A figure in each round that has it."""
        return [round.figures[figure] for round in self.rounds if figure in round.figures]

    def median(self, figure: str) -> float | None:
        """Its median; None if it wasn't measured."""
        values = self.values(figure)
        return median(values) if values else None

    def count(self, name: str) -> int:
        """The sum of one of ``COUNTS`` over the rounds."""
        return sum(getattr(round.counts, name) for round in self.rounds)


class Results:
    """All rows of a run.

    Args:
        header: date, command, machine and versions.
    """

    def __init__(self, header: Mapping[str, str]) -> None:
        self.header = dict(header)
        self._rows: dict[tuple[str, str, str], Row] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def add(self, scenario: str, case: str, stack: str, round: Round) -> None:
        """Add a round to a row, which is made if it is the first one."""
        key = scenario, case, stack
        self._rows.setdefault(key, Row(*key)).rounds.append(round)

    def row(self, scenario: str, case: str, stack: str) -> Row | None:
        """One row; None if it wasn't measured."""
        return self._rows.get((scenario, case, stack))

    def of(self, scenario: str) -> list[Row]:
        """The rows of one scenario."""
        return [row for row in self if row.scenario == scenario]

    def as_json(self) -> str:
        """Header and rows, as ``from_json`` reads them."""
        return json.dumps({**self.header, "rows": [asdict(row) for row in self]}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Results:
        """Read what ``as_json`` wrote."""
        header = json.loads(text)
        rows = header.pop("rows")
        results = cls(header)
        for row in rows:
            for round in read_rounds(row.pop("rounds")):
                results.add(**row, round=round)
        return results


def read_rounds(told: Iterable[dict[str, Any]]) -> Iterator[Round]:
    """Rounds, from their fields in JSON."""
    for fields in told:
        yield Round(**{**fields, "counts": Counts(**fields["counts"])})
