"""Single connections of all workers together: lists of them, and the one that was closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from channels_bridge.server.child.questions import Message
from channels_bridge.server.connection_order import how_many, rank_by
from channels_bridge.server.monitoring.census import Member


def connection_answers(members: Sequence[Member], question: Message) -> Message:
    """Return what a question for connections, or to close one, is answered with.

    - ``connections``: how many are ``matching``, and the first of them as ``rows``;
    - ``closed``: the connections that were closed, one or none;
    - ``silent``: the numbers of workers that did not say, in time, what they have.
    """
    answer: Message = {}
    if "connections" in question:
        answer["connections"] = _listed(members, question["connections"])
    if "close" in question:
        answer["closed"] = [
            {**row, "worker": number}
            for number, rows in _answers(members, "closed")
            for row in rows
        ]
    if answer:
        answer["silent"] = [member.number for member in members if _is_silent(member)]
    return answer


def _listed(members: Sequence[Member], wanted: Message) -> Message:
    rank = rank_by(wanted.get("order"))
    lists = dict(_answers(members, "connections"))
    rows = [{**row, "worker": number} for number, each in lists.items() for row in each["rows"]]
    rows.sort(key=lambda row: rank(row["seconds"], row["unsent_bytes"], row["inbox_depth"]))
    return {
        "matching": sum(each["matching"] for each in lists.values()),
        "rows": rows[: how_many(wanted.get("limit"))],
    }


def _answers(members: Sequence[Member], key: str) -> Iterator[tuple[int, Any]]:
    for member in members:
        # What one said before was of another question.
        if member.fresh and key in member.answer:
            yield member.number, member.answer[key]


def _is_silent(member: Member) -> bool:
    # One that only starts has no connections.
    return not member.fresh and member.state != "starting"
