"""Large payloads are cut and joined; what is missing is never made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_bridge.groups.nats.pieces import HEAD, PATIENCE, Assembler, cut

A, B = b"sender-a", b"sender-b"
SIZE = HEAD.size + 10
PAYLOAD = bytes(range(95))


@pytest.fixture
def losses():
    return []


@pytest.fixture
def assembler(losses):
    return Assembler(1000, lambda *loss: losses.append(loss))


def add_all(assembler, pieces, topic="g:room", sender=A, now=0.0):
    """What comes of some pieces."""
    return [assembler.add(topic, sender, piece, now) for piece in pieces]


def test_joins(assembler):
    """All pieces make the payload, when the last one is there."""
    pieces = list(cut(PAYLOAD, 1, SIZE))
    assert max(map(len, pieces)) == SIZE
    assert add_all(assembler, pieces) == [None] * 9 + [PAYLOAD]
    assert assembler.held_bytes == 0


@given(st.binary(min_size=1, max_size=100), st.integers(HEAD.size + 1, 200), st.integers(0, 2**40))
def test_any_size(payload, size, number):
    """Whatever the sizes: what was cut is joined."""
    pieces = list(cut(payload, number, size))
    assert all(len(piece) <= size for piece in pieces)
    assert add_all(Assembler(1000, lambda *loss: None), pieces)[-1] == payload


def test_topics_and_senders_at_a_time(assembler):
    """Pieces of several senders, and on several topics, may come in between."""
    pieces = list(cut(PAYLOAD, 1, SIZE))
    keys = [("g:room", A), ("g:room", B), ("g:other", A)]
    for piece in pieces[:-1]:
        assert [assembler.add(*key, piece, 0.0) for key in keys] == [None] * 3
    assert [assembler.add(*key, pieces[-1], 0.0) for key in keys] == [PAYLOAD] * 3


@pytest.mark.parametrize("missing", range(10))
def test_a_missing_piece(assembler, missing):
    """Without one of its pieces a payload never comes, and those after it do."""
    pieces = list(cut(PAYLOAD, 1, SIZE))
    del pieces[missing]
    assert add_all(assembler, pieces) == [None] * 9
    assert add_all(assembler, cut(PAYLOAD, 2, SIZE))[-1] == PAYLOAD
    assert assembler.held_bytes == 0


def test_halves_of_two_payloads(assembler):
    """The beginning of one payload and the end of another of the same size are not joined."""
    one, two = list(cut(PAYLOAD, 1, SIZE)), list(cut(PAYLOAD, 2, SIZE))
    assert add_all(assembler, one[:5] + two[5:]) == [None] * 10
    assert assembler.held_bytes == 0


def test_forgotten(assembler, losses):
    """What was declared lost, or is on a topic that was left, is not held."""
    pieces = list(cut(PAYLOAD, 1, SIZE))
    add_all(assembler, pieces[:5])
    assembler.forget("g:room", A)
    assert assembler.held_bytes == 0
    add_all(assembler, pieces[:5])
    add_all(assembler, pieces[:5], topic="g:other")
    assembler.forget_topic("g:room")
    assert assembler.held_bytes == len(PAYLOAD)
    assert add_all(assembler, pieces[5:], topic="g:other")[-1] == PAYLOAD
    assert losses == []


def test_too_large(assembler, losses):
    """A payload that is larger than anything may be is declared lost at once."""
    assert add_all(assembler, cut(bytes(1001), 1, 500)) == [None] * 3
    assert losses == [("g:room", A, "it has 1001 bytes")]
    assert assembler.held_bytes == 0


def test_too_many(assembler, losses):
    """Where too much would be held, the payload that began first is declared lost."""
    senders = [b"sender-%d" % number for number in range(20)]
    pieces = list(cut(PAYLOAD, 1, SIZE))
    for sender in senders:
        add_all(assembler, pieces[:-1], sender=sender)
        assert assembler.held_bytes <= 1000
    assert [loss[1] for loss in losses] == senders[:10]
    for sender in senders[10:]:
        assert assembler.add("g:room", sender, pieces[-1], 0.0) == PAYLOAD


def test_never_completed(assembler, losses):
    """A payload whose sender was killed halfway is declared lost after some time."""
    pieces = list(cut(PAYLOAD, 1, SIZE))
    add_all(assembler, pieces[:5], now=1.0)
    add_all(assembler, pieces[:5], sender=B, now=2.0)
    assembler.expire(PATIENCE)
    assert losses == []
    assembler.expire(1.5 + PATIENCE)
    assert [loss[1] for loss in losses] == [A]
    assert add_all(assembler, pieces[5:], sender=B)[-1] == PAYLOAD


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_from_strangers(frames):
    """No bytes at all are too odd."""
    assembler = Assembler(1000, lambda *loss: None)
    add_all(assembler, frames)
    assert 0 <= assembler.held_bytes <= 1000
