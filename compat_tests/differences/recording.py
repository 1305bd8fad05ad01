"""What happens inside of a server, in a file that the tests read: one JSON line per event.

The file's path is in the environment. Each line belongs to a scenario; the code that a scenario
runs in a server finds it through a context variable.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from contextvars import ContextVar
from pathlib import Path
from typing import Any

RECORD = "DIFFERENCES_RECORD"

#: Noted when an application is called, so that its end can be waited for; no part of the outcome.
BEGINNING = "beginning"

scenario: ContextVar[str] = ContextVar("scenario")


def note(aspect: str, value: Any, name: str | None = None) -> None:
    """Record that something happened, in the running scenario unless another is named."""
    line = json.dumps([name or scenario.get(), aspect, plain(value)]) + "\n"
    with open(os.environ[RECORD], "ab", buffering=0) as file:
        file.write(line.encode())


def read(path: Path) -> dict[str, list[tuple[str, Any]]]:
    """What was recorded of each scenario, in order: aspects and values."""
    record: dict[str, list[tuple[str, Any]]] = {}
    for line in path.read_text().splitlines():
        name, aspect, value = json.loads(line)
        record.setdefault(name, []).append((aspect, value))
    return record


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it; what JSON can't tell apart keeps its type's name."""
    match value:
        case bytes():
            return f"bytes {value.decode('latin-1')}"
        case tuple():
            return ["tuple", *map(plain, value)]
        case list():
            return [plain(item) for item in value]
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case None | bool() | int() | float() | str():
            return value
    return type(value).__name__


SERVERS = ("autobahn.", "channels_bridge.server.", "daphne.", "uvicorn.", "websockets.")


def kind(error: BaseException) -> str:
    """The name of an error's type; ``error of send`` if it was raised inside of a server.

    Which class a server raises there is its own affair; that it raises is what counts.
    """
    frames = list(traceback.walk_tb(error.__traceback__))
    module = frames[-1][0].f_globals["__name__"]
    return "error of send" if module.startswith(SERVERS) else type(error).__name__


class LogRecorder(logging.Handler):
    """Notes warnings and errors that a scenario caused: level, and type of the exception."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == "rejected_origins":
            return  # one line for each origin, whichever scenario came first: parity/ tests it
        error = record.exc_info[1] if record.exc_info else None
        name = getattr(error, "scenario", None) or self._by_path(record) or scenario.get(None)
        if name is not None:
            note("log", [record.levelname, error and kind(error)], name)

    def _by_path(self, record: logging.LogRecord) -> str | None:
        """The scenario whose path the message mentions: a timer does not know its application."""
        from compat_tests.differences.scenarios import BY_NAME

        parts = record.getMessage().replace("'", "/").replace(" ", "/").split("/")
        return next((part for part in parts if part in BY_NAME), None)
