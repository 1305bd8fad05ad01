"""Lists of connections that are put together of what several workers say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from channels_bridge.server.monitoring.census import Member
from channels_bridge.server.monitoring.connection_answers import connection_answers


def member(number: int, *, fresh: bool = True, ready: bool = True, **answer: Any) -> Member:
    process: Any = SimpleNamespace(channel=SimpleNamespace(ready=ready, stopping=False))
    return Member(number, process, answer, fresh)


def row(id: str, seconds: float, unsent: int = 0, inbox: int = 0) -> dict[str, Any]:
    return {"id": id, "seconds": seconds, "unsent_bytes": unsent, "inbox_depth": inbox}


def lists(*rows: dict[str, Any], matching: int | None = None) -> dict[str, Any]:
    return {"matching": len(rows) if matching is None else matching, "rows": list(rows)}


def ids(answer: dict[str, Any]) -> list[str]:
    return [row["id"] for row in answer["connections"]["rows"]]


TWO = [
    member(0, connections=lists(row("a", 1), row("c", 3, unsent=5), matching=50)),
    member(1, connections=lists(row("b", 2, unsent=5, inbox=1))),
]


def test_orders() -> None:
    """Workers' lists are one list in the order that was asked for, and no longer."""
    for order, expected in (("newest", "abc"), ("oldest", "cba"), ("slowest", "bca"), ("?", "abc")):
        answer = connection_answers(TWO, {"connections": {"order": order}})
        assert "".join(ids(answer)) == expected
        assert answer["connections"]["matching"] == 51
    answer = connection_answers(TWO, {"connections": {"limit": 2}})
    assert ids(answer) == ["a", "b"]
    assert [row["worker"] for row in answer["connections"]["rows"]] == [0, 1]
    assert answer["silent"] == []


def test_nothing_is_asked() -> None:
    """The status is as it always was."""
    assert connection_answers(TWO, {"top": 10}) == {}


def test_a_worker_that_does_not_answer() -> None:
    """What it said before is nothing about now: it is named instead."""
    stale = member(2, fresh=False, connections=lists(row("x", 1)), closed=[row("x", 1)])
    young = member(3, fresh=False, ready=False)
    answer = connection_answers([*TWO, stale, young], {"connections": {}, "close": {"id": "x"}})
    assert ids(answer) == ["a", "b", "c"]
    assert answer["closed"] == []
    assert answer["silent"] == [2]


def test_a_worker_of_another_release() -> None:
    """One that does not know such questions, during a reload to this release, does no harm."""
    answer = connection_answers([member(0, gauges={}), TWO[1]], {"connections": {}})
    assert ids(answer) == ["b"]


def test_closed() -> None:
    """The one that was closed is named, with its worker."""
    members = [member(0, closed=[]), member(1, closed=[row("b", 2)])]
    answer = connection_answers(members, {"close": {"id": "b"}})
    assert answer == {"closed": [{**row("b", 2), "worker": 1}], "silent": []}
