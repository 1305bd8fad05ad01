"""A process' own table, what it knows of all, and what a project may say of a connection."""

from __future__ import annotations

import math
from uuid import UUID

import pytest

from channels_bridge.groups.presence.presence_description import BadDescription, read_description
from channels_bridge.groups.presence.presence_table import Entrance, PresenceTable
from channels_bridge.groups.presence.roll import Here, RollChange
from channels_bridge.groups.presence.roll_replica import RollReplica


def test_the_first_and_the_last_connection_count() -> None:
    """Tabs of one user are one key."""
    table = PresenceTable()
    assert table.enter("group", "tab 1", "ann", b"1") == Entrance("ann", None)
    assert table.enter("group", "tab 2", "ann", b"1") == Entrance(None, None)
    assert table.leave("group", "tab 1") is None
    assert table.leave("group", "tab 2") == "ann"
    assert table.leave("group", "tab 2") is None
    assert not table.channels() and not table.keys()


def test_a_connection_that_joins_again_may_be_another() -> None:
    """Its info and its key are those that were said last."""
    table = PresenceTable()
    table.enter("group", "tab", "guest", b"")
    assert table.enter("group", "tab", "ann", b"1") == Entrance("ann", "guest")
    assert table.enter("group", "tab", "ann", b"2") == Entrance("ann", None)
    assert table.groups_of("tab") == ["group"]


def test_a_replica_tells_what_has_changed() -> None:
    """Its versions go on when a new hub's begin anew; what is known already isn't told again."""
    replica = RollReplica()
    ann, bob = Here(b'"Ann"', 1, 1), Here(b"", 1, 1)
    first = replica.apply(RollChange(7, True, {"ann": ann}, (), 1), 0)
    assert first == RollChange(1, True, {"ann": Here("Ann", 1, 1)}, (), 1)
    assert replica.apply(RollChange(8, False, {"ann": Here(b'"Ann"', 2, 2)}, (), 1), 1) is None
    assert replica.here(1)["ann"].connections == 2
    second = replica.apply(RollChange(0, True, {"bob": bob}, (), 1), 1)
    assert second == RollChange(2, False, {"bob": Here(None, 1, 1)}, ["ann"], 1)
    assert replica.apply(RollChange(0, True, {"bob": bob}, (), 1), 1) is None


def test_a_replica_notices_a_gap() -> None:
    """It takes nothing that doesn't follow on what it has, until it is given the whole."""
    replica = RollReplica()
    replica.apply(RollChange(1, True, {}, (), 0), 0)
    assert replica.apply(RollChange(3, False, {"ann": Here(b"", 0, 1)}, (), 1), 0) is None
    assert replica.missed and not replica.here(0)
    assert replica.apply(RollChange(3, True, {"ann": Here(b"", 0, 1)}, (), 1), 0) is not None
    assert not replica.missed


@pytest.mark.parametrize(
    ("answer", "key", "info"),
    [
        ({"key": "ann"}, "ann", b""),
        ({"key": 5, "info": {"name": "Ann"}}, "5", b'{"name":"Ann"}'),
        ({"key": UUID(int=1), "info": 0}, str(UUID(int=1)), b"0"),
    ],
)
def test_descriptions(answer: object, key: str, info: bytes) -> None:
    """Keys are text; infos are JSON."""
    assert read_description(answer) == (key, info)


def test_nobody() -> None:
    """Who isn't to be listed is None."""
    assert read_description(None) is None


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        ("ann", "it must return a dict"),
        ({"info": 1}, "it must return a dict"),
        ({"key": 1, "name": "Ann"}, 'may have "key" and "info" only, and has \'name\''),
        ({"key": None}, "its key must be text, a whole number or a UUID, and is None"),
        ({"key": True}, "its key must be text, a whole number or a UUID"),
        ({"key": ""}, "1 to 200 characters"),
        ({"key": "x" * 201}, "1 to 200 characters"),
        ({"key": "\ud800"}, "1 to 200 characters"),
        ({"key": 1, "info": object()}, "must be what JSON can hold"),
        ({"key": 1, "info": b"bytes"}, "must be what JSON can hold"),
        ({"key": 1, "info": math.nan}, "must be what JSON can hold"),
        ({"key": 1, "info": "x" * 5000}, "may have 4096 bytes of JSON, and has 5002"),
    ],
)
def test_bad_descriptions(answer: object, advice: str) -> None:
    """The error says what to return instead."""
    with pytest.raises(BadDescription, match=advice):
        read_description(answer)


def test_order_of_coming() -> None:
    """Who came first is first, however long it has taken until that was told."""
    replica = RollReplica()
    ann, bob, eve = (Here(b"", since, 1) for since in (0.1, 0.1, 0.2))
    replica.apply(RollChange(1, True, {}, (), 0), 0)
    replica.apply(RollChange(2, False, {"ann": ann}, (), 1), 5)  # long after it was written
    replica.apply(RollChange(3, False, {"bob": bob}, (), 2), 5.01)
    assert list(replica.here(6)) == ["ann", "bob"]
    replica.apply(RollChange(9, True, {"eve": eve, "bob": bob, "ann": ann}, (), 3), 7)
    assert list(replica.here(8)) == ["eve", "bob", "ann"]
