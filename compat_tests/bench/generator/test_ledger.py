"""The load generator's books: what was published, and what arrived of it."""

from __future__ import annotations

import pytest

from channels_bridge.bench.generator.ledger import Arrivals, Counts, Ledger, latencies_ms
from channels_bridge.bench.loads.loads import Load


@pytest.mark.parametrize(
    "numbers, delivered, duplicated, out_of_order",
    [
        ([0, 1, 2], 3, 0, 0),
        ([0, 1, 1], 2, 1, 0),
        ([0, 2, 1], 3, 0, 1),
        ([0, 2, 1, 1, 2], 3, 2, 1),
        ([3], 1, 0, 0),
    ],
)
def test_arrivals(numbers: list[int], delivered: int, duplicated: int, out_of_order: int) -> None:
    """A message counts as delivered once; repeated and late ones are told apart."""
    counts, arrivals = Counts(), Arrivals()
    new = [arrivals.check(number, counts) for number in numbers]
    found = counts.delivered, counts.duplicated, counts.out_of_order
    assert found == (delivered, duplicated, out_of_order)
    assert sum(new) == delivered


def test_names() -> None:
    """A message is known again by its name, wherever that stands, and no other run's is."""
    ledger = Ledger(Load(10, groups=5), readers=2)
    ledger.publish(3, 0.0, 64)
    name = ledger.publish(3, 0.0, 64)
    assert len(name) == 64
    assert ledger.read(f'{{"text": "{name}"}}'.encode()) == (3, 1)
    assert ledger.read(b'{"text": "~0000000000000000000000~"}') is None
    assert ledger.counts.expected == 4
    assert not ledger.settled


def test_latencies() -> None:
    """Latencies are told in milliseconds, and as none if nothing came."""
    told = latencies_ms(second / 1000 for second in range(100))
    assert told == pytest.approx({"p50_ms": 50, "p99_ms": 99, "max_ms": 99})
    assert set(latencies_ms([]).values()) == {0}
