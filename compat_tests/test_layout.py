"""The layout: imports run one way, rooms are small, and each name says one thing.

A room is a folder of the package. Those modules at the top that others stand on are rooms of their
own; the rest, which users and Django import, is the package's face.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from compat_tests.measures.dialect import find_user_modules, measure_dialect
from compat_tests.measures.imports import graph
from compat_tests.measures.layout import GIVEN_NAMES, fullest_folders, names_occurring_twice
from compat_tests.measures.source import Source, read_sources

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "channels_bridge"
FACE = "face"

#: Each room, and all rooms that it may import: for types and inside of functions, too.
MAY_IMPORT = {
    "conf": "",
    "logs": "",
    "surface": "",
    "exceptions": "surface",
    "common": "",
    # Groups, and how they reach other processes.
    "groups.discovery": "common conf",
    "groups.home": "exceptions",
    "groups.history": "groups.presence",
    "groups.presence": "",
    "groups.policies": "groups.history groups.presence",
    "groups": "common exceptions groups.discovery groups.history groups.home groups.policies "
    "groups.presence",
    "groups.following": "common groups groups.history groups.policies groups.presence",
    "groups.linked": "groups groups.discovery groups.home",
    "groups.reliable": "",
    "groups.wire": "",
    "groups.wire.v1": "",
    "groups.grpc.http2": "",
    "groups.grpc": "common groups groups.discovery groups.grpc.http2 groups.history "
    "groups.presence groups.wire.v1",
    "groups.grpc.process": "common exceptions groups groups.discovery groups.grpc "
    "groups.grpc.http2 groups.history groups.home groups.presence groups.wire.v1",
    "groups.grpc.hub": "common exceptions groups groups.discovery groups.grpc groups.grpc.http2 "
    "groups.history groups.presence groups.wire.v1",
    "groups.nats": "common exceptions groups groups.nats.client groups.nats.jetstream "
    "groups.reliable",
    "groups.nats.client": "common",
    "groups.nats.jetstream": "groups.nats.client",
    "transport": "conf groups groups.linked",
    "tracing": "common groups groups.history groups.home",
    # The engine: sockets on one side, an ASGI application on the other.
    "server": "common",
    "server.websocket": "common server",
    "server.http": "server server.websocket",
    "server.child": "common server",
    "server.worker": "common server server.child server.http server.websocket",
    "server.monitoring": "common server server.child",
    "server.supervisor": "common server server.child server.monitoring",
    # Consumers and native handlers on the engine.
    "resume": "common groups groups.history groups.presence server server.websocket",
    "runloop": "common groups groups.history resume server server.websocket tracing",
    "connections": "groups runloop transport",
    "native": "conf exceptions groups.history groups.home resume runloop server server.websocket",
    "history": "common groups.history resume transport",
    "presence": "common groups.presence transport",
    "sending": "common exceptions groups groups.home transport",
    "event_stream": "common exceptions groups groups.history groups.home groups.presence resume "
    "runloop tracing transport",
    "templatetags": "history",
    # A project, its settings, and the processes that serve it.
    "project.foreign": "common server",
    "project.advice": "common conf groups groups.discovery groups.linked groups.nats "
    "groups.nats.client server transport",
    "project": "common conf connections exceptions groups groups.discovery groups.grpc.hub "
    "groups.home logs native resume runloop server server.child server.monitoring "
    "server.supervisor server.worker transport",
    "project.options": "conf project server server.supervisor",
    # Reads projects without importing them.
    "migrate": "migrate.model migrate.python migrate.reports migrate.requirements migrate.starting "
    "migrate.topology",
    "migrate.model": "",
    "migrate.python": "common migrate.model",
    "migrate.requirements": "migrate.model migrate.python",
    "migrate.reports": "migrate.model",
    "migrate.commands": "project.foreign",
    "migrate.places": "migrate.commands migrate.model",
    "migrate.starting": "migrate.commands migrate.model migrate.places migrate.python "
    "project.foreign",
    "migrate.topology": "migrate.commands migrate.model migrate.places",
    "admin": "connections exceptions presence project server server.child server.monitoring",
    "middlewares": "conf native project runloop",
    "pytest_plugin": "",
    "testing": "common conf groups groups.home groups.linked logs project pytest_plugin resume "
    "runloop server server.child server.http server.websocket server.worker surface",
    "management": "",
    "management.commands": "common conf connections exceptions groups groups.discovery "
    "groups.grpc.hub groups.home logs project project.advice project.foreign project.options "
    "server server.child server.http server.monitoring server.supervisor server.worker surface "
    "tracing transport face",
    FACE: "conf groups groups.linked native project project.advice project.options runloop surface "
    "tracing transport",
}

#: Whoever imports these can't be used without them.
STRANGERS = {"django", "channels", "grpc", "daphne"}
#: Rooms that serve any ASGI application, or read projects that are not installed.
WITHOUT_STRANGERS = ("common", "server", "migrate")

LARGEST_ROOM = 20

#: Names that are not this package's to choose: Channels' modules have them, or Django's.
GIVEN = GIVEN_NAMES | {
    "apps.py",  # each Django application has one
    "auth.py",  # channels.auth, and its middleware
    "http.py",  # channels.generic.http, channels.testing.http
    "websocket.py",  # channels.generic, channels.security and channels.testing have one each
    "utils.py",  # channels.utils, and those of middlewares
    "consumers.py",  # ours, and the benchmark's project has one as Django projects have
}


@cache
def sources() -> list[Source]:
    """All files of the package but the benchmark's, which stand apart."""
    return read_sources(ROOT, Path(PACKAGE), without="bench")


def room_of(module: str) -> str:
    """The room that a module is in."""
    name = module.removeprefix(PACKAGE).removeprefix(".")
    folder = name if (ROOT / PACKAGE / name.replace(".", "/")).is_dir() else name.rpartition(".")[0]
    if folder in ("", "generic", "security"):
        return name if name in MAY_IMPORT else FACE
    return folder


@cache
def imports() -> dict[tuple[str, str], set[str]]:
    """For each two rooms, which modules of the first import which of the second."""
    found = defaultdict(set)
    for module, targets in graph(sources(), lambda node: True).items():
        for target in targets - {PACKAGE}:
            found[room_of(module), room_of(target)].add(f"{module} -> {target}")
    return found


def test_each_room_has_its_rule() -> None:
    """Whoever adds a folder says what it may import."""
    assert {room_of(source.module) for source in sources()} == set(MAY_IMPORT)


def test_rules_run_one_way() -> None:
    """No room leads back to itself."""
    TopologicalSorter({room: allowed_for(room) for room in MAY_IMPORT}).prepare()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports(room: str) -> None:
    """A room imports what its rule says, and the rule allows no more than is used."""
    used = {target for start, target in imports() if start == room != target}
    wrong = [arrows for (start, to), arrows in imports().items() if start == room and to in used]
    assert used == allowed_for(room), wrong


def allowed_for(room: str) -> set[str]:
    """What the room's rule allows."""
    return set(MAY_IMPORT[room].split())


@pytest.mark.parametrize("room", WITHOUT_STRANGERS)
def test_no_strangers(room: str) -> None:
    """The engine imports no Django, no Channels and no gRPC; nor does what only reads projects."""
    for source in sources():
        if room_of(source.module).partition(".")[0] == room:
            assert not packages_of(source) & STRANGERS, source.path


def packages_of(source: Source) -> set[str]:
    """The packages that a file imports anywhere."""
    names = set()
    for node in source.nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def test_strangers_at_run_time() -> None:
    """Neither does anything that it imports in turn, but for Channels' name and version."""
    rooms = [s for s in sources() if room_of(s.module).partition(".")[0] in WITHOUT_STRANGERS]
    modules = [source.module for source in rooms]
    code = f"import importlib, sys; [*map(importlib.import_module, {modules})]; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).split()
    strange = {name for name in loaded if name.partition(".")[0] in STRANGERS}
    assert strange <= {"channels"}


def test_rooms_are_small() -> None:
    """No folder has more files than are seen at a glance."""
    folders = fullest_folders(read_sources(ROOT, Path(PACKAGE)))
    assert [folder for folder, count in folders if count > LARGEST_ROOM] == []


def test_names_occur_once() -> None:
    """Whoever looks for a file by its name finds the one that is meant."""
    assert list(names_occurring_twice(read_sources(ROOT, Path(PACKAGE)), GIVEN)) == []


def test_one_dialect() -> None:
    """What ruff has no rule for: ``__all__`` only where users import, and no Sphinx roles."""
    for row in measure_dialect(sources(), find_user_modules(ROOT)):
        assert row.figures == (0,), (row.name, row.places)


def test_rooms_are_described() -> None:
    """Each folder says in a sentence or more what is in it."""
    for source in sources():
        if source.path.name == "__init__.py" and room_of(source.module) in MAY_IMPORT:
            assert ast.get_docstring(source.tree) or room_of(source.module) == FACE, source.path
