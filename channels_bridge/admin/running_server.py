"""The running server that the pages show, asked as ``manage.py websockets_status`` asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from channels_bridge.project import control_client
from channels_bridge.server.child.questions import Message
from channels_bridge.server.monitoring.control_socket import NoAnswer, ask

#: Seconds to wait for the server, which itself waits a second for workers that are stuck.
PATIENCE = 5.0


@dataclass(frozen=True)
class Choice:
    """One of several servers that run for the project.

    Attributes:
        name: of its control socket, without the directory.
        listening: where it serves; empty for one that does not answer.
    """

    name: str
    listening: str


@dataclass(frozen=True)
class Answer:
    """What a server said; or why there is nothing to show.

    Attributes:
        status: the server's answer; None where there is none.
        reason: why there is none; empty where there are ``choices``.
        choices: the servers of which one has to be chosen.
    """

    status: Message | None = None
    reason: str = ""
    choices: Sequence[Choice] = ()


def inquire(chosen: str, question: Message) -> Answer:
    """Ask the project's server on this machine.

    Args:
        chosen: the name of its control socket; needed where there are several. One that has ended
            does no harm where there is only one now.
    """
    try:
        paths = {path.name: path for path in control_client.running_servers()}
        if not paths:
            return Answer(reason=control_client.why_none_runs())
    except ValueError as error:
        return Answer(reason=str(error))
    path = paths.get(chosen) or (next(iter(paths.values())) if len(paths) == 1 else None)
    if path is None:
        return Answer(choices=[_choice(path) for path in paths.values()])
    try:
        return Answer(ask(path, question, PATIENCE))
    except NoAnswer as error:
        return Answer(reason=str(error))


def _choice(path: Path) -> Choice:
    about = control_client.about(path)
    return Choice(path.name, ", ".join(about.get("listening", ())))
