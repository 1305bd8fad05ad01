"""What a client of an event stream sends when it comes back, and what becomes of it."""

from __future__ import annotations

import pytest

from channels_bridge.event_stream.positions import read, write
from channels_bridge.groups.history.position import Claim, Position, Why

GROUPS = ["news.local", "news.world"]
AT = {"news.local": Position("q1w2e3", 17), "news.world": Position("q1w2e3", 4)}


def test_round_trip() -> None:
    """A client that sends what it was told is where it was, in each of its groups."""
    assert read(write(AT, 7), GROUPS, 7) == {group: Claim(at) for group, at in AT.items()}
    assert read("", GROUPS, 7) == {}


def test_other_groups() -> None:
    """A group that is new to the stream begins where it is; one that has gone needs nothing."""
    told = write({"news.local": AT["news.local"]}, None)
    assert read(told, GROUPS, None) == {"news.local": Claim(AT["news.local"])}


def test_somebody_else() -> None:
    """Nobody goes on where another user was; who logs in goes on where they were."""
    for theirs, mine in ((7, 8), (7, None)):
        assert read(write(AT, theirs), GROUPS, mine) == dict.fromkeys(GROUPS, Why.TICKET)
    assert read(write(AT, None), GROUPS, 7) == {group: Claim(at) for group, at in AT.items()}


@pytest.mark.parametrize("text", ["nonsense", "~", "AbCdEfGh.q1w2e3.5.forged", "\N{SNOWMAN}"])
def test_garbage(text: str) -> None:
    """What can't be read is a gap wherever it may have been meant for."""
    assert read(text, GROUPS, None) == dict.fromkeys(GROUPS, Why.TICKET)
    told = write({"news.local": AT["news.local"]}, None)
    claims = read(f"{told}~{text}", GROUPS, None)
    assert claims == {"news.local": Claim(AT["news.local"]), "news.world": Why.TICKET}


def test_an_earlier_position() -> None:
    """A ticket is for its position and those after it, not for what was said before."""
    told = write({"news.local": AT["news.local"]}, None)
    forged = told.replace(".17.", ".3.")
    assert read(forged, ["news.local"], None) == {"news.local": Why.TICKET}


def test_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a client sends, a bounded part of it is looked at."""
    told = write(AT, None)
    claims = read(told + "~" + "x" * 10**6, GROUPS, None)
    assert claims == {group: Claim(at) for group, at in AT.items()}
    looked_at = []

    def verify(text: str, group: str, user_id: object) -> None:
        looked_at.append(text)

    monkeypatch.setattr("channels_bridge.event_stream.positions.tickets.verify", verify)
    read("~" * 8000, GROUPS, None)
    assert len(looked_at) <= 101 * len(GROUPS)
