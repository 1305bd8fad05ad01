"""Native middlewares, and what they make of a connection."""

from __future__ import annotations

import pytest
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.contrib.sessions.backends.db import SessionStore

from channels_bridge.consumers import BaseConsumer
from channels_bridge.middlewares.scope import decode_headers
from channels_bridge.middlewares.utils import database_sync_to_async
from channels_bridge.project import rejected_origins
from channels_bridge.server.access_log import printable


class Witness(BaseConsumer):
    """Shows its scope to the test."""

    seen: list[dict]

    def __init__(self, seen):
        self.seen = seen

    async def connect(self):
        self.seen.append(self.scope)


# Scope


async def test_scope(client):
    """The scope has ASGI's keys as they are, and headers, cookies and a session beside them."""
    seen = []
    headers = [(b"host", b"testserver"), (b"x-trace", b"1"), (b"cookie", b"a=1; b=2")]
    websocket = client(Witness, query="?room=lobby", headers=headers, seen=seen)
    await websocket.connect()
    (scope,) = seen
    assert (scope["path"], scope["query_string"]) == ("/ws/", b"room=lobby")
    assert scope["headers"] == headers
    assert scope["HEADERS"]["X-Trace"] == scope["HEADERS"]["x-trace"] == "1"
    assert scope["COOKIES"] == {"a": "1", "b": "2"}
    assert scope["session"].session_key is None
    assert scope["user"].is_anonymous
    await websocket.disconnect()


def test_headers_that_come_twice():
    """Values of a repeated header are joined, cookies with a semicolon."""
    headers = decode_headers([(b"x-a", b"1"), (b"x-a", b"2"), (b"cookie", b"a"), (b"cookie", b"b")])
    assert dict(headers) == {"X-A": "1, 2", "Cookie": "a; b"}


def test_headers_with_underscores():
    """A header with an underscore cannot pass for one with a hyphen (CVE-2015-0219)."""
    assert dict(decode_headers([(b"x_auth_user", b"root"), (b"x-a", b"1")])) == {"X-A": "1"}


# Origin


@pytest.mark.parametrize("origin", [None, b"http://testserver", b"https://testserver:8443"])
async def test_own_origin(client, origin):
    """Pages of the site's own hosts may connect, and clients that aren't browsers."""
    headers = [] if origin is None else [(b"origin", origin)]
    websocket = client(Witness, headers=headers, seen=[])
    assert (await websocket.connect())[0]
    await websocket.disconnect()


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", b"http://[", b"", b"\xff"])
async def test_foreign_origin(client, caplog, monkeypatch, origin):
    """A page of another site is refused, with a line in the log; no consumer sees it."""
    seen = []
    websocket = client(Witness, headers=[(b"origin", origin)], seen=seen)
    monkeypatch.setattr(rejected_origins, "denials", rejected_origins.Denials())
    assert (await websocket.connect())[0] is False
    await websocket.wait()
    assert not seen
    assert f"from pages of '{printable(origin.decode('latin1'))}' was denied" in caplog.text


# User


@database_sync_to_async
def log_in():
    """Make a user with a session. Returns the session's key."""
    user = get_user_model().objects.create_user("ada")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


@pytest.mark.django_db(transaction=True)
async def test_user_of_the_session(client):
    """In connect(), scope["user"] is the user whom the session cookie belongs to."""
    seen = []
    cookie = f"sessionid={await log_in()}".encode()
    websocket = client(Witness, headers=[(b"cookie", cookie)], seen=seen)
    await websocket.connect()
    assert type(seen[0]["user"]) is get_user_model()
    assert seen[0]["user"].get_username() == "ada"
    await websocket.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_unknown_session(client):
    """A session cookie that means nothing makes nobody."""
    seen = []
    websocket = client(Witness, headers=[(b"cookie", b"sessionid=nonsense")], seen=seen)
    await websocket.connect()
    assert seen[0]["user"].is_anonymous
    await websocket.disconnect()
