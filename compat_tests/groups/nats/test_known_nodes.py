"""Which nodes are remembered, as time goes by, and which are forgotten."""

from __future__ import annotations

import pytest

from channels_bridge.groups.nats.known_nodes import MAX_SILENT, MOVE, REMEMBER, KnownNodes

N1, N2, N3 = {"N1": "n1"}, {"N2": "n2"}, {"N3": "n3"}


@pytest.fixture
def nodes() -> KnownNodes:
    """Three that have answered at 0, of which one has gone at 10."""
    nodes = KnownNodes()
    nodes.have_answered(N1 | N2 | N3, changed=0, now=0)
    assert nodes.awaited(0) == nodes.silent(0) == {}
    nodes.have_answered(N1 | N2, changed=10, now=11)
    return nodes


def test_awaited_and_then_silent(nodes: KnownNodes) -> None:
    """Its processes are waited for as long as they may take to move; that it is silent is known."""
    assert nodes.awaited(11) == N3
    assert nodes.silent(11) == {"n3": 1}
    nodes.have_answered(N1 | N2, changed=12, now=10 + MOVE)
    assert nodes.awaited(10 + MOVE) == {}
    assert nodes.silent(10 + MOVE) == {"n3": MOVE}


def test_change_long_ago(nodes: KnownNodes) -> None:
    """Nobody is waited for who had the time to move before anybody asked."""
    nodes.have_answered(N1, changed=20, now=20 + MOVE)
    assert nodes.awaited(20 + MOVE) == {}
    assert nodes.silent(20 + MOVE) == {"n2": MOVE, "n3": 10 + MOVE}


def test_answers_again(nodes: KnownNodes) -> None:
    """The link is there again."""
    nodes.have_answered(N1 | N2 | N3, changed=11, now=11.5)
    assert nodes.awaited(11.5) == nodes.silent(11.5) == {}


def test_started_again(nodes: KnownNodes) -> None:
    """It isn't silent; but what was connected to it before may still be on its way."""
    nodes.have_answered(N1 | N2 | {"N3b": "n3"}, changed=11, now=11.5)
    assert nodes.silent(11.5) == {}
    assert nodes.awaited(11.5) == N3
    nodes.have_answered(N1 | N2 | {"N3b": "n3"}, changed=11, now=10 + MOVE)
    nodes.have_answered(N1 | N2, changed=99, now=100)
    assert nodes.silent(100) == {"n3": 1}


def test_gone_for_good(nodes: KnownNodes) -> None:
    """After an hour it is forgotten."""
    nodes.have_answered(N1 | N2, changed=10, now=10 + REMEMBER - 1)
    assert nodes.silent(10 + REMEMBER - 1) == {"n3": REMEMBER - 1}
    assert nodes.silent(10 + REMEMBER) == {}
    nodes.have_answered(N1 | N2, changed=10, now=10 + REMEMBER)
    assert nodes.silent(10 + REMEMBER - 1) == {}


def test_bound() -> None:
    """Those that fell silent first make room for others."""
    nodes = KnownNodes()
    for number in range(MAX_SILENT + 2):
        nodes.have_answered({str(number): f"n{number}"}, changed=number, now=number)
    silent = nodes.silent(number)
    assert len(silent) == MAX_SILENT
    assert ("n0" in silent, "n1" in silent) == (False, True)


def test_no_cluster(nodes: KnownNodes) -> None:
    """Nothing is remembered of a cluster that this process has left."""
    nodes.forget_all()
    assert nodes.awaited(11) == nodes.silent(11) == {}
