"""The load generator counts what arrives, and what should have."""

import pytest

from channels_bridge.bench.load import Group, Member, Run
from channels_bridge.bench.scenarios import SCENARIOS


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
def test_counts(numbers: list[int], delivered: int, duplicated: int, out_of_order: int) -> None:
    """A message counts as delivered once; repeated and late ones are told apart."""
    run = Run(SCENARIOS["fanout"])
    member = Member(Group(run), publishes=False)
    for number in numbers:
        member.check(number)
    counts = run.counts
    found = counts.delivered, counts.duplicated, counts.out_of_order
    assert found == (delivered, duplicated, out_of_order)
