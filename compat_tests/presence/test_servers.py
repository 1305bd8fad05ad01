"""Presence on a server with two workers: what pages, views, consumers and ``runworker`` see."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from compat_tests.clients.raw_connection import DEADLINE
from compat_tests.servers import (
    BRIDGE_READY,
    START_DEADLINE,
    Server,
    run_python,
    running,
    websockets_server,
)

SITE = Path(__file__).parent / "site"
LINGER = 1.5


class Lounge:
    """The running server, and its clients."""

    def __init__(self, server: Server, env: dict[str, str], stack: ExitStack) -> None:
        self.server = server
        self.env = env
        self._seen = Path(env["SEEN"])
        self._stack = stack

    def enter(self, group: str, key: str, kind: str = "told", query: str = "") -> Guest:
        """Connect."""
        url = f"{self.server.ws_url}/{kind}/{group}/{key}/{query}"
        return Guest(self._stack.enter_context(connect(url)))

    def people(self, group: str, page: str = "people") -> dict[str, Any]:
        """What a view says."""
        url = f"{self.server.url}/{page}/{group}/"
        with urllib.request.urlopen(url, timeout=DEADLINE) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def keys(self, group: str) -> set[str]:
        """Whom it names."""
        people = self.people(group)
        assert people["count"] == len(people["people"])
        return {person["key"] for person in people["people"]}

    def seen(self, group: str) -> list[tuple[str, str]]:
        """What the worker has noted."""
        lines = [line.split() for line in self._seen.read_text().splitlines()]
        return [(kind, key) for kind, where, key, name in lines if where == group]


class Guest:
    """A client of the consumer that is told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: dict[str, Any] = {}
        self.gone: list[str] = []

    def receive(self) -> Any:
        """The next message."""
        return json.loads(self.socket.recv(DEADLINE))

    def until(self, *keys: str) -> None:
        """Read until exactly these are there."""
        deadline = time.monotonic() + DEADLINE
        while set(self.told) != set(keys):
            assert time.monotonic() < deadline, (self.told, keys)
            event = self.receive()
            assert event["type"] == "presence.changed"
            if event["whole"]:
                self.told = {}
            self.told.update(event["joined"])
            for key in event["left"]:
                self.gone.append(key)
                del self.told[key]
            assert event["count"] == len(self.told)

    def pid(self) -> int:
        """Of its worker."""
        self.socket.send('"pid"')
        while not isinstance(pid := self.receive(), int):
            self.until_next(pid)
        return pid

    def until_next(self, event: Any) -> None:
        """Take what came in between."""
        self.told.update(event["joined"])

    def until_closed(self) -> None:
        """Read until the server ends the connection. It starts other workers before."""
        with pytest.raises(ConnectionClosed):
            while True:
                self.socket.recv(START_DEADLINE)

    def close(self) -> None:
        """Leave."""
        self.socket.close()


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Server, dict[str, str]]]:
    """The server, and a worker for the channel."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cb-"))
        seen = Path(directory, "seen")
        seen.touch()
        env = {"RUNTIME_DIR": directory, "SEEN": str(seen), "LINGER": str(LINGER)}
        server = stack.enter_context(websockets_server(SITE, workers=2, env=env))
        command = [sys.executable, "manage.py", "runworker", "presence"]
        stack.enter_context(running(command, SITE, BRIDGE_READY, env=env, binds=0))
        yield server, env


@pytest.fixture
def lounge(site: tuple[Server, dict[str, str]]) -> Iterator[Lounge]:
    """The same, with clients of this test."""
    with ExitStack() as stack:
        yield Lounge(*site, stack)


def soon(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "this takes too long"
        time.sleep(0.02)


def elsewhere(lounge: Lounge, guest: Guest, group: str, key: str, **options: Any) -> Guest:
    """A client on the other worker."""
    mine = guest.pid()
    while (other := lounge.enter(group, key, **options)).pid() == mine:
        other.close()
    return other


def test_who_is_there(lounge: Lounge) -> None:
    """On both workers, for consumers, views of both kinds and the worker of the channel."""
    ann = lounge.enter("room.a", "ann")
    bob = elsewhere(lounge, ann, "room.a", "bob")
    lounge.enter("room.a", "ghost", "quiet")
    ann.until("ann", "bob")
    bob.until("ann", "bob")
    assert bob.told["ann"] == {"name": "Ann"}
    for page in ("people", "later"):
        people = lounge.people("room.a", page)
        assert people["count"] == 2
        assert [person["info"]["name"] for person in people["people"]] == ["Ann", "Bob"]
    bob.close()
    ann.until("ann")
    soon(lambda: ("presence.left", "bob") in lounge.seen("room.a"))
    joins = [("presence.join", "ann"), ("presence.join", "bob")]
    assert lounge.seen("room.a") == [*joins, ("presence.left", "bob")]


def test_a_command(lounge: Lounge) -> None:
    """Any process of the project can ask, and where there is no server nobody is there."""
    ann = lounge.enter("room.command", "ann")
    ann.until("ann")
    program = "from channels_bridge.presence import *; print(count('room.command'), end=' ')"
    program += "; print(*[person.key for person in members('room.command')])"
    with tempfile.TemporaryDirectory(prefix="cb-") as elsewhere:
        env = {**lounge.env, "RUNTIME_DIR": elsewhere}
        alone = run_python(SITE, "manage.py", "shell", "-v0", "-c", program, env=env)
    beside = run_python(SITE, "manage.py", "shell", "-v0", "-c", program, env=lounge.env)
    assert (beside.stdout.split(), alone.stdout.split()) == (["1", "ann"], ["0"])


def test_tabs(lounge: Lounge) -> None:
    """Are one, on whichever worker."""
    watcher = lounge.enter("room.tabs", "watcher")
    first = lounge.enter("room.tabs", "ann", "quiet")
    second = elsewhere(lounge, first, "room.tabs", "ann", kind="quiet")
    watcher.until("watcher", "ann")
    first.close()
    last = lounge.enter("room.tabs", "bob")
    watcher.until("watcher", "ann", "bob")
    assert lounge.keys("room.tabs") == {"watcher", "ann", "bob"}
    second.close()
    watcher.until("watcher", "bob")
    assert watcher.gone == ["ann"]
    last.close()


def test_a_consumer_without_a_handler(lounge: Lounge) -> None:
    """It is never sent what it doesn't know; it is listed like any other."""
    quiet = lounge.enter("room.quiet", "ann", "quiet")
    other = lounge.enter("room.quiet", "bob")
    other.until("ann", "bob")
    quiet.socket.send('"hello"')
    assert quiet.receive() == "hello"


def test_a_synchronous_consumer(lounge: Lounge) -> None:
    """It is told as well, and joins by ``groups``."""
    ann = lounge.enter("room.sync", "ann", "sync")
    ann.until("ann")
    lounge.enter("room.sync", "bob", "sync")
    ann.until("ann", "bob")


def test_a_page(lounge: Lounge) -> None:
    """A client that speaks the protocol is told by it, with and without history."""
    for group in ("room.page", "room.kept.page"):
        page = lounge.enter(group, "ann", "quiet", "?_resume=1")
        lounge.enter(group, "bob", "quiet")
        present: set[str] = set()
        version = None
        while present != {"ann", "bob"}:
            text = page.socket.recv(DEADLINE)
            assert isinstance(text, str) and text[0] == "!"
            said = json.loads(text[1:])
            if said["t"] == "here":
                present, version = set(said["in"]), said["v"]
            elif said["t"] == "diff":
                assert said["v"] == version + 1
                present, version = (present | set(said["in"])) - set(said["out"]), said["v"]


def test_a_killed_worker(lounge: Lounge) -> None:
    """Its users are gone after a while; who has come back elsewhere never was."""
    ann = lounge.enter("room.kill", "ann")
    bob = elsewhere(lounge, ann, "room.kill", "bob")
    lounge.enter("room.kill", "ann", "quiet")
    ann.until("ann", "bob")
    lost = bob.pid()
    # Cleo is on the same worker as Bob, and comes back.
    while (cleo := lounge.enter("room.kill", "cleo")).pid() != lost:
        cleo.close()
    ann.until("ann", "bob", "cleo")
    (worker,) = [child for child in lounge.server.children() if child.pid == lost]
    worker.kill()
    lounge.enter("room.kill", "cleo", "quiet")
    ann.until("ann", "cleo")
    assert ann.gone == ["bob"]
    soon(lambda: ("presence.left", "bob") in lounge.seen("room.kill"))
    assert lounge.seen("room.kill").count(("presence.left", "cleo")) == 0


def test_a_killed_hub(lounge: Lounge) -> None:
    """Nobody comes or goes because of that, on any worker; what happens meanwhile is told then."""
    ann = lounge.enter("room.hub", "ann")
    bob = elsewhere(lounge, ann, "room.hub", "bob")
    cleo = lounge.enter("room.hub", "cleo", "quiet")
    for guest in (ann, bob):
        guest.until("ann", "bob", "cleo")
    workers = {ann.pid(), bob.pid()}
    (hub,) = [child for child in lounge.server.children() if child.pid not in workers]
    hub.kill()
    cleo.close()
    dan = lounge.enter("room.hub", "dan")
    for guest in (ann, bob):
        guest.until("ann", "bob", "dan")
        assert guest.gone == ["cleo"]
    dan.until("ann", "bob", "dan")
    assert lounge.keys("room.hub") == {"ann", "bob", "dan"}
    soon(lambda: ("presence.left", "cleo") in lounge.seen("room.hub"))
    assert sorted(lounge.seen("room.hub")) == [
        ("presence.join", "ann"),
        ("presence.join", "bob"),
        ("presence.join", "cleo"),
        ("presence.join", "dan"),
        ("presence.left", "cleo"),
    ]


def test_a_reload(lounge: Lounge) -> None:
    """All clients come back on new workers, and nobody sees anybody leave."""
    guests = {key: lounge.enter("room.reload", key) for key in ("ann", "bob", "cleo")}
    for guest in guests.values():
        guest.until(*guests)
    olds = {guest.pid() for guest in guests.values()}
    lounge.server.signal(signal.SIGHUP)
    for key, guest in guests.items():
        guest.until_closed()
        guests[key] = lounge.enter("room.reload", key)
    for guest in guests.values():
        guest.until(*guests)
        assert guest.gone == []
    assert not olds & {guest.pid() for guest in guests.values()}
    assert [kind for kind, _ in lounge.seen("room.reload")] == ["presence.join"] * 3
