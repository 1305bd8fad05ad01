"""What a client got is judged as it deserves."""

from __future__ import annotations

import pytest

from compat_tests.resume.jitter.arrivals import OPENED, TOLD, Score, score

PUBLISHED = {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}


def judged(*numbers: int) -> Score:
    """The score of a client to whom these things happened, a second apart."""
    return score([(float(at), number) for at, number in enumerate(numbers)], PUBLISHED)


def test_all_there() -> None:
    """Who got everything once and in order has nothing to complain about."""
    result = judged(OPENED, 1, 2, OPENED, 3, 4)
    assert result.is_perfect
    assert (result.delivered, result.reconnected) == (4, 1)


@pytest.mark.parametrize(
    ("numbers", "figure"),
    [
        ((OPENED, 1, 2, 3, 3, 4), "duplicated"),
        ((OPENED, 1, 3, 2, 4), "disordered"),
        ((OPENED, 1, OPENED, 4), "untold"),
        ((OPENED, 1, 2, OPENED), "untold"),
        ((OPENED, 1, OPENED, TOLD, 4), "told"),
        ((OPENED, 1, 2, OPENED, TOLD), "told"),
        ((OPENED, 1, 2, OPENED, TOLD, 3, 4), "false"),
        ((OPENED, 1, 2, 3, 4, TOLD), "false"),
    ],
)
def test_what_went_wrong(numbers: tuple[int, ...], figure: str) -> None:
    """Each thing that can be wrong is counted, and counts as nothing else."""
    result = judged(*numbers)
    assert not result.is_perfect
    wrong = {name: getattr(result, name) for name in ("duplicated", "disordered", "told", "untold")}
    wrong["false"] = result.false
    assert {name for name, count in wrong.items() if count} == {figure}
    assert wrong[figure] == 1


def test_catching_up() -> None:
    """It takes from the handshake until all is there that had been published by then."""
    happenings = [(0.0, OPENED), (1.1, 1), (3.5, OPENED), (3.6, 2), (3.7, 3), (4.1, 4)]
    assert score(happenings, PUBLISHED).caught_up == [pytest.approx(0.2)]


def test_never_caught_up() -> None:
    """Who never gets what was missed has no time for that."""
    assert judged(OPENED, 1, OPENED, OPENED, 4).caught_up == []


def test_sum() -> None:
    """The scores of all clients add up."""
    total = judged(OPENED, 1, 2, 3, 4)
    total += judged(OPENED, 1, 1)
    assert (total.expected, total.delivered, total.duplicated, total.untold) == (8, 5, 1, 1)
