"""The native example on two workers of our server, as its clients see it."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from compat_tests.servers import REPOSITORY, run_python, websockets_server

PROJECT = REPOSITORY / "examples" / "native"
DEADLINE = 30.0


@pytest.fixture(scope="module")
def site():
    """The example's server, and the environment that its other processes need."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        env = {"CHAT_DATABASE": str(Path(directory, "chat.sqlite3"))}
        manage(env, "migrate", "--verbosity=0")
        with websockets_server(PROJECT, workers=2, env=env) as server:
            yield server, env


def manage(env, *arguments):
    run_python(PROJECT, "manage.py", *arguments, env=env)


@pytest.fixture
def enter(site):
    """Open a connection. Returns it with the process that serves it."""
    server, _ = site
    with ExitStack() as stack:

        def open_connection(room, name, more=""):
            url = f"{server.ws_url}/ws/chat/{room}/?name={name}{more}"
            websocket = stack.enter_context(connect(url, max_queue=None))
            return websocket, next_of(websocket, "welcome")["worker"]

        yield open_connection


def next_of(websocket, type):
    """Wait for the next event of a type, with a header or without. Returns it."""
    while True:
        header, brace, rest = websocket.recv(DEADLINE).partition("{")
        event = json.loads(brace + rest)
        if not header.startswith("!") and event["type"] == type:
            return event


def wait_until_told(websocket, change, name):
    """Wait until the client of a page has been told that somebody has come, or has gone."""
    told = {}
    while name not in told.get(change, ()):
        text = websocket.recv(DEADLINE)
        told = json.loads(text[1:]) if text.startswith("!") else {}


def test_all_members_on_all_workers(site, enter):
    """Each message reaches each member once, whichever worker serves it, and in order."""
    _, env = site
    members = [enter("lobby", f"member{number}") for number in range(20)]
    sockets = [websocket for websocket, _ in members]
    assert len({worker for _, worker in members}) == 2
    said = [f"text {number}" for number in range(10)]
    for text in said:
        sockets[0].send(json.dumps({"type": "say", "text": text}))
    for websocket in sockets:
        assert [next_of(websocket, "message")["text"] for _ in said] == said
    manage(env, "announce", "lobby", "from outside")
    for websocket in sockets:
        assert next_of(websocket, "message")["text"] == "from outside"


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/ws/chat/lobby/", None, 403),  # without a name the consumer rejects
        ("/ws/chat/lobby/?name=a", "http://evil.example", 403),
        ("/ws/no/such/route/", None, 404),
    ],
)
def test_refused_handshake(site, path, origin, status):
    """A consumer's reject(), a foreign Origin and an unknown path are answered with HTTP errors."""
    server, _ = site
    with pytest.raises(InvalidStatus) as refused, connect(server.ws_url + path, origin=origin):
        pass
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(("data", "code"), [(b"\x00", 1003), ("no JSON", 1011)])
def test_bad_message(enter, data, code):
    """A message that the consumer can't take ends this connection, and the others learn of it."""
    witness, _ = enter("trouble", "witness", "&_resume=1")
    websocket, _ = enter("trouble", "culprit")
    wait_until_told(witness, "in", "culprit")
    websocket.send(data)
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            websocket.recv(DEADLINE)
    assert closed.value.rcvd.code == code
    wait_until_told(witness, "out", "culprit")


def test_pages(site):
    """The example's pages and static files come from the same port."""
    server, _ = site
    for path in ("/", "/room/lobby/?name=a", "/static/chat/chat.css"):
        with urllib.request.urlopen(server.url + path, timeout=DEADLINE) as response:
            assert response.status == 200
