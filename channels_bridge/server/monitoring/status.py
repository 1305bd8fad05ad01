"""The status of a server, as ``manage.py websockets_status`` shows it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

from channels_bridge.server.child.questions import Message
from channels_bridge.server.monitoring.census import Census, Member, Process
from channels_bridge.server.monitoring.connection_answers import connection_answers
from channels_bridge.server.monitoring.control_socket import serving_control_socket

#: Adds up what all workers have reported besides the engine's own figures. Its arguments: their
#: answers, and how many of each kind are wanted where there may be many.
Summarize = Callable[[Iterable[Message], int], Message]


def no_summary(answers: Iterable[Message], top: int) -> Message:
    """Add nothing, where workers report the engine's figures only."""
    return {}


def serving_status(
    path: Path,
    about: Mapping[str, Any],
    census: Census,
    *,
    summarize: Summarize = no_summary,
    required: bool = True,
) -> AbstractAsyncContextManager[None]:
    """Answer on a private socket what goes on; a ``Watcher`` of the supervisor.

    Args:
        about: what is known of the server itself.
        summarize: adds to the answer.
        required: whether it is an error that the socket can't be made.

    Raises:
        BindError: the socket can't be made, and is required.
    """
    return serving_control_socket(
        path, partial(status, census, about, summarize), required=required
    )


async def status(
    census: Census, about: Mapping[str, Any], summarize: Summarize, question: Message
) -> Message:
    """Ask all processes and put what they say together.

    Args:
        question: its ``top`` is how many are wanted of what there may be many, such as the slowest
            clients. Workers are asked the same. With ``connections`` it asks for those one by one,
            with ``close`` it has one closed; ``server/worker/connection_list.py`` says which.
    """
    top = int(question.get("top", 10))
    asked = {**question, "top": top}
    members, others = await asyncio.gather(census.workers(asked), census.others({}))
    return {
        **about,
        "pid": os.getpid(),
        "state": census.phase,
        "seconds": round(time.monotonic() - census.started, 3),
        "restarts": census.restarts.total(),
        "recycled": dict(census.recycled),
        "workers": [_worker(member) for member in members],
        "services": [_service(other) for other in others],
        "totals": census.totals([*members, *others]),
        **summarize([member.answer for member in members], top),
        "slowest": _slowest(members, top),
        **connection_answers(members, question),
    }


def _worker(member: Member) -> Message:
    return {
        "number": member.number,
        **_process(member.process),
        "state": member.state,
        "fresh": member.fresh,
        **member.answer.get("gauges", {}),
    }


def _service(other: Member) -> Message:
    return {**_process(other.process), **other.answer.get("gauges", {})}


def _process(process: Process) -> Message:
    return {
        "name": process.name,
        "pid": process.pid,
        "seconds": round(time.monotonic() - process.started, 3),
    }


def _slowest(members: Sequence[Member], top: int) -> list[Message]:
    clients = [
        {**client, "worker": member.number}
        for member in members
        for client in member.answer.get("slowest", ())
    ]
    clients.sort(key=lambda client: (client["unsent_bytes"], client["inbox_depth"]), reverse=True)
    return clients[:top]
