"""A server does not wait by the wall clock, which somebody may set."""

from __future__ import annotations

import ast
from pathlib import Path

from compat_tests.servers import REPOSITORY

PACKAGE = REPOSITORY / "channels_bridge"

#: What gives the time of day, in the modules `time` and `datetime`.
WALL_CLOCK = {"time", "time_ns", "now", "utcnow", "today", "localtime", "gmtime", "ctime"}

#: Who may ask for it, and for what.
READERS = {
    "groups/discovery/runtime_directory.py": "the age of a directory that nobody uses",
    "groups/grpc/hub/history_file.py": "the age of messages that another boot has written",
    "groups/grpc/process/left_history.py": "the age of what a hub has left behind",
    "resume/tickets.py": "the day until which a ticket is good",
    "server/access_log.py": "the time of a line",
    "server/http/shared_state.py": "the header Date",
    "management/commands/runserver.py": "the banner",
    "management/commands/websockets_server.py": "the banner",
}


def reads_wall_clock(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="time" | "datetime" | "date"), attr=name):
            return name in WALL_CLOCK
        case ast.ImportFrom(module="time", names=names):
            return any(alias.name in WALL_CLOCK for alias in names)
    return False


def modules() -> list[Path]:
    """All but the benchmark, which is no part of a server."""
    paths = PACKAGE.rglob("*.py")
    return [path for path in paths if "bench" not in path.relative_to(PACKAGE).parts]


def test_who_reads_the_clock():
    """The time of day is read for people and for the age of what is older than this
    process, never to wait for something.
    """
    readers = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        if any(map(reads_wall_clock, ast.walk(ast.parse(path.read_text()))))
    }
    assert readers == set(READERS)
