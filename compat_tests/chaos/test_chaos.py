"""Messages survive what happens to the hub and to processes."""

import pytest

from .journal import Record
from .scene import Scene
from .verdict import judge


@pytest.mark.parametrize("seed", [1])
def test_faults(socket_dir, seed):
    """Whoever is killed or stopped: those who stay get every message, once and in order."""
    scene = Scene(socket_dir, members=3, seed=seed, confirmed=True, pause=1)
    try:
        for fault in ("hub stopped", "member stopped + hub killed", "member killed"):
            scene.wait(0.5)
            scene.suffer(fault)
        verdict = scene.end()
    finally:
        scene.abort()
    assert verdict.is_good, verdict
    assert verdict.published > 100


def sender(*numbers, name="sender", ended=True):
    """What a process has written down that sent some messages, a second apart."""
    return Record(name, sent={number: float(number) for number in numbers}, ended=ended)


def member(*numbers, joined=0.0, ended=True):
    """What a process has written down that got some messages."""
    got = [("sender", number) for number in numbers]
    return Record("member", joined=joined, got=got, ended=ended)


def test_verdict():
    """Messages that arrived once and in order are fine."""
    verdict = judge([sender(1, 2, 3), member(1, 2, 3)], confirmed=True)
    assert verdict.is_good
    assert str(verdict) == (
        "3 published, 0 refused, 3 delivered, 0 lost, 0 duplicated, 0 out of order"
    )


@pytest.mark.parametrize(
    ("got", "lost", "duplicated", "disordered"),
    [
        ((1, 3), [2], [], []),
        ((1, 2), [3], [], []),
        ((), [1, 2, 3], [], []),
        ((1, 2, 2, 3), [], [2], []),
        ((1, 3, 2), [], [], [2]),
        ((1, 2, 3, 1), [], [1], [1]),
    ],
)
def test_bad_verdict(got, lost, duplicated, disordered):
    """What is missing, comes again or comes late is named."""
    verdict = judge([sender(1, 2, 3), member(*got)], confirmed=True)
    assert not verdict.is_good
    assert verdict.lost == [("member", ("sender", number)) for number in lost]
    assert verdict.duplicated == [("member", ("sender", number)) for number in duplicated]
    assert verdict.disordered == [("member", ("sender", number)) for number in disordered]


@pytest.mark.parametrize(
    ("got", "lost"), [((1, 2), []), ((), []), ((1, 3), [("member", ("sender", 2))])]
)
def test_killed_sender(got, lost):
    """What a killed process sent last may be lost with it, when it didn't wait."""
    assert judge([sender(1, 2, 3, ended=False), member(*got)], confirmed=False).lost == lost


def test_absent_member():
    """Who wasn't there yet, or was killed, needn't have got a message."""
    absent = [member(joined=None), member(joined=2.5), member(ended=False)]
    for record in absent[:1] + absent[2:]:
        assert judge([sender(1, 2), record], confirmed=True).is_good
    assert judge([sender(1, 2, 3), absent[1]], confirmed=True).lost == [("member", ("sender", 3))]
