"""Users of sessions: found by Channels' function, in fewer hops and database connections."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import math
import threading
from unittest.mock import AsyncMock, Mock

import pytest
from asgiref.sync import SyncToAsync, async_to_sync, sync_to_async
from channels import auth
from channels.auth import AuthMiddleware, AuthMiddlewareStack, UserLazyObject
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.sessions import CookieMiddleware, SessionMiddleware
from channels.testing import WebsocketCommunicator
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends import db
from django.db import DatabaseError, close_old_connections, connection
from django.db.backends.signals import connection_created
from websockets.exceptions import InvalidStatus

from channels_bridge.runloop import consumer_loop, db_housekeeping, sync_dispatch, user_lookup
from channels_bridge.runloop.db_housekeeping import Housekeeping
from channels_bridge.runloop.sync_threads import SyncThreads
from compat_tests.engine import DEADLINE, until

BACKEND = f"{__name__}.Backend"

setting = contextvars.ContextVar("setting", default="nothing")


class Backend(ModelBackend):
    """Notes the thread and a variable, and fails for some; what it binds is the consumer's, too."""

    threads: list[int] = []

    def get_user(self, user_id):
        """Find the user, unless its name says what else to do."""
        self.threads.append(threading.get_ident())
        setting.set(f"{setting.get()}, backend's")
        user = super().get_user(user_id)
        if user.username == "caught":
            with pytest.raises(DatabaseError):
                connection.cursor().execute("SELECT nothing")
        if user.username == "manual":
            connection.set_autocommit(False)
        if user.username == "failing":
            raise LookupError("no such user today")
        return user


class SessionStore(db.SessionStore):
    """Sessions of a project that asks somebody even where the client has shown no key."""

    threads: list[int] = []

    def __getitem__(self, key):
        self.threads.append(threading.get_ident())
        return super().__getitem__(key)


class Who(AsyncWebsocketConsumer):
    """Says who is there."""

    async def connect(self):
        """Accept, and name the user, the class of the object, and what was bound on the way."""
        await self.accept()
        user = self.scope["user"]
        await self.send(f"{user.get_username() or 'nobody'} {setting.get()}")


async def application(scope, receive, send):
    """Such consumers, behind a middleware that binds a variable."""
    setting.set("middleware's")
    await AuthMiddlewareStack(Who.as_asgi())(scope, receive, send)


@pytest.fixture(autouse=True)
def installed(monkeypatch, settings):
    """What a worker does before it serves, with a backend that notes what it is asked."""
    housekeeping = Housekeeping()
    housekeeping._only.next = math.inf  # no rounds of consumers, which come once a second
    for module in (user_lookup, sync_dispatch, consumer_loop):
        monkeypatch.setattr(module, "housekeeping", housekeeping)
    monkeypatch.setattr(AuthMiddleware, "resolve_scope", user_lookup._resolve_scope)
    settings.AUTHENTICATION_BACKENDS = [BACKEND]
    monkeypatch.setattr(Backend, "threads", [])
    monkeypatch.setattr(SessionStore, "threads", [])


@pytest.fixture
def opened():
    """The threads in which database connections were opened."""
    threads = []

    def note(**_):
        threads.append(threading.get_ident())

    connection_created.connect(note)
    yield threads
    connection_created.disconnect(note)


@pytest.fixture
def hops(monkeypatch):
    """The hops that asgiref makes to a thread, but for those of consumers whose client leaves."""
    made = []
    original = SyncToAsync.__call__

    async def counting(self, *args, **kwargs):
        if self.func is not close_old_connections:
            made.append(self)
        return await original(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", counting)
    return made


@database_sync_to_async
def log_in(*names):
    """Make users with sessions. Returns the headers that show these."""
    headers = []
    for name in names:
        user = get_user_model().objects.create_user(name)
        session = db.SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = BACKEND
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        headers.append({"Cookie": f"sessionid={session.session_key}"})
    return headers


async def ask(engine, headers):
    """Connect, and return what the consumer says."""
    async with engine.connect(additional_headers=headers) as websocket:
        return await asyncio.wait_for(websocket.recv(), DEADLINE)


@contextlib.asynccontextmanager
async def thread_kept():
    """Keep the thread of synchronous code busy until the block ends."""
    go = threading.Event()
    holding = asyncio.ensure_future(sync_to_async(go.wait)(DEADLINE))
    try:
        yield
    finally:
        go.set()
        await holding


@pytest.mark.django_db(transaction=True)
async def test_user_of_the_session(serve):
    """The user is found, in asgiref's thread, with the context variables of both sides."""
    (headers,) = await log_in("ada")
    engine = await serve(application)
    assert await ask(engine, headers) == "ada middleware's, backend's"
    assert Backend.threads == [await sync_to_async(threading.get_ident)()]


@pytest.mark.parametrize("headers", [{}, {"Cookie": "sessionid=short"}])
async def test_no_session(serve, hops, headers):
    """Who shows no session is nobody, without a hop to a thread."""
    engine = await serve(application)
    assert await ask(engine, headers) == "nobody middleware's"
    assert hops == []


@pytest.mark.django_db(transaction=True)
async def test_a_session_that_has_ended(serve):
    """A key that nobody knows any more is looked for, and leads to nobody."""
    engine = await serve(application)
    assert await ask(engine, {"Cookie": f"sessionid={'0' * 32}"}) == "nobody middleware's"


@pytest.mark.django_db(transaction=True)
async def test_a_session_that_a_middleware_fills(serve):
    """A session without a key may have a user in it, who is looked up in the thread."""
    user = await database_sync_to_async(get_user_model().objects.create_user)("ada")

    class Token(AuthMiddleware):
        """Logs in whoever asks, as one does that knows a token."""

        async def resolve_scope(self, scope):
            scope["session"][SESSION_KEY] = str(user.pk)
            scope["session"][BACKEND_SESSION_KEY] = BACKEND
            scope["session"][HASH_SESSION_KEY] = user.get_session_auth_hash()
            await super().resolve_scope(scope)

    engine = await serve(CookieMiddleware(SessionMiddleware(Token(Who.as_asgi()))))
    assert await ask(engine, {}) == "ada nothing, backend's"
    assert Backend.threads == [await sync_to_async(threading.get_ident)()]


@pytest.mark.django_db(transaction=True)
async def test_sessions_of_the_project(serve, settings):
    """A session class that has its own way of looking is asked in the thread, always."""
    settings.SESSION_ENGINE = __name__
    engine = await serve(application)
    assert await ask(engine, {}) == "nobody middleware's"
    assert set(SessionStore.threads) == {await sync_to_async(threading.get_ident)()}


class Again(WebsocketConsumer):
    """Looks the user up once more, from its own thread."""

    def receive(self, text_data):
        """Name who is found."""
        scope = {**self.scope, "user": UserLazyObject()}
        async_to_sync(AuthMiddleware(None).resolve_scope)(scope)
        self.send(scope["user"].get_username())


@pytest.mark.django_db(transaction=True)
async def test_in_a_handler(serve):
    """A synchronous handler that waits for a look-up has it made in its own thread."""
    (headers,) = await log_in("ada")
    engine = await serve(AuthMiddlewareStack(Again.as_asgi()))
    async with engine.connect(additional_headers=headers) as websocket:
        await websocket.send("who?")
        assert await asyncio.wait_for(websocket.recv(), DEADLINE) == "ada"
    assert set(Backend.threads) == {await sync_to_async(threading.get_ident)()}


@pytest.mark.parametrize("headers", [{}, {"Cookie": f"sessionid={'0' * 32}"}])
async def test_a_function_of_the_project(serve, monkeypatch, headers):
    """What a project has put in the place of Channels' function is called, session or not."""
    get_user = AsyncMock(return_value=AnonymousUser())
    monkeypatch.setattr(auth, "get_user", get_user)
    engine = await serve(application)
    assert await ask(engine, headers) == "nobody middleware's"
    get_user.assert_awaited_once()


async def test_elsewhere(hops):
    """Where the server has not offered itself, the middleware is Channels'."""
    communicator = WebsocketCommunicator(application, "/")
    assert (await communicator.connect())[0]
    assert await communicator.receive_from() == "nobody middleware's"
    assert auth.get_user in hops
    await communicator.disconnect()


async def ask_at_once(engine, everybody):
    """Have look-ups wait for the thread, in this order, until all do. Returns the answers.

    Nobody leaves before all have theirs, as that closes connections, too.
    """
    asked = []
    async with contextlib.AsyncExitStack() as stack:

        async def enter(headers):
            connected = engine.connect(additional_headers=headers)
            websocket = await stack.enter_async_context(connected)
            return (await asyncio.wait_for(websocket.recv(), DEADLINE)).split()[0]

        async with thread_kept():
            for headers in everybody:
                asked.append(asyncio.ensure_future(enter(headers)))
                await until(lambda: len(waiting_calls(engine)) == len(asked))
        return await asyncio.gather(*asked)


def waiting_calls(engine):
    return sync_dispatch.lane_of(engine.context.crossing)._calls


@pytest.mark.django_db(transaction=True)
async def test_look_ups_share_a_hop_and_a_connection(serve, opened, hops, monkeypatch):
    """Those that wait for the thread make one hop, in which one database connection is opened."""
    monkeypatch.setattr(sync_dispatch, "SLICE", DEADLINE)
    names = ["ada", "bob", "cleo"]
    everybody = await log_in(*names)
    engine = await serve(application)
    opened.clear()
    hops.clear()
    assert await ask_at_once(engine, everybody) == names
    assert opened == [Backend.threads[0]]
    assert len(hops) == 2  # the one that has kept the thread, and theirs


@pytest.mark.django_db(transaction=True)
async def test_connections_are_closed_afterwards(serve, opened):
    """After the last look-up there is no connection that Django would not have kept."""
    (headers,) = await log_in("ada")
    engine = await serve(application)
    opened.clear()
    for number in (1, 2):
        await ask(engine, headers)
        assert len(opened) == number
        assert await sync_to_async(lambda: connection.connection)() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("interval", "count"), [(3600.0, 1), (0.0, 3)])
async def test_sharing_from_hop_to_hop(serve, opened, monkeypatch, interval, count):
    """However many follow, they share a connection for ``INTERVAL`` at most."""
    monkeypatch.setattr(sync_dispatch, "SLICE", -1.0)  # a hop for each
    monkeypatch.setattr(db_housekeeping, "INTERVAL", interval)
    everybody = await log_in("ada", "bob", "cleo")
    engine = await serve(application)
    opened.clear()
    await ask_at_once(engine, everybody)
    assert len(opened) == count
    assert await sync_to_async(lambda: connection.connection)() is None


@pytest.mark.django_db(transaction=True)
async def test_an_error_of_the_database(serve, opened, monkeypatch):
    """After an error, caught or not, a connection is not used for the next look-up."""
    monkeypatch.setattr(sync_dispatch, "SLICE", DEADLINE)
    everybody = await log_in("caught", "ada")
    engine = await serve(application)
    opened.clear()
    assert await ask_at_once(engine, everybody) == ["caught", "ada"]
    assert len(opened) == 2


@pytest.mark.django_db(transaction=True)
async def test_a_mode_that_was_changed(serve, opened, monkeypatch):
    """Nor is one in which a look-up has left a transaction open."""
    monkeypatch.setattr(sync_dispatch, "SLICE", DEADLINE)
    everybody = await log_in("manual", "ada")
    engine = await serve(application)
    opened.clear()
    assert await ask_at_once(engine, everybody) == ["manual", "ada"]
    assert len(opened) == 2


@pytest.mark.django_db(transaction=True)
async def test_connections_that_cannot_be_closed(serve, monkeypatch, caplog):
    """It is logged, and harms nobody."""
    (headers,) = await log_in("ada")
    engine = await serve(application)
    with monkeypatch.context() as patch:
        patch.setattr(db_housekeeping, "_close_old_connections", Mock(side_effect=DatabaseError))
        user_lookup.housekeeping._only.may_be_open = False  # nothing to be closed before
        assert (await ask(engine, headers)).startswith("ada ")
        await until(lambda: "cannot close database connections" in caplog.text)
    assert (await ask(engine, headers)).startswith("ada ")


@pytest.mark.django_db(transaction=True)
async def test_an_exception(serve, caplog):
    """What a look-up raises is its connection's, and nobody else's."""
    failing, other = await log_in("failing", "ada")
    engine = await serve(application)
    with pytest.raises(InvalidStatus, match="500"):
        await ask(engine, failing)
    assert "no such user today" in caplog.text
    assert (await ask(engine, other)).startswith("ada ")


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_waits_in_vain(serve):
    """A look-up that nobody waits for any more is not made."""
    first, second = await log_in("ada", "bob")
    engine = await serve(application, handshake_timeout=0.1, close_timeout=0.1)
    async with thread_kept():
        with pytest.raises(InvalidStatus, match="504"):
            await ask(engine, first)
        await engine.idle()
        assert len(waiting_calls(engine)) == 1
    await until(lambda: not waiting_calls(engine))
    assert Backend.threads == []
    engine = await serve(application)
    assert (await ask(engine, second)).startswith("bob ")


@pytest.mark.django_db(transaction=True)
async def test_threads(serve):
    """With WEBSOCKET_SYNC_THREADS, each connection's look-up is made in its own thread."""
    everybody = await log_in("ada", "bob")
    engine = await serve(SyncThreads(application, 2))
    async with contextlib.AsyncExitStack() as stack:
        for headers in everybody:
            connected = engine.connect(additional_headers=headers)
            websocket = await stack.enter_async_context(connected)
            await asyncio.wait_for(websocket.recv(), DEADLINE)
    assert len(set(Backend.threads)) == 2


def test_only_channels_own():
    """A function that somebody has wrapped is left alone."""

    @functools.wraps(AuthMiddleware.resolve_scope)
    async def wrapped(self, scope):
        """What an agent that watches a process puts in a function's place."""

    assert user_lookup._is_channels_own(user_lookup._channels_resolve_scope)
    assert user_lookup._is_channels_own(user_lookup._function())
    assert not user_lookup._is_channels_own(wrapped)


async def test_a_function_that_was_wrapped_before(serve, monkeypatch):
    """Nor is it taken where it was wrapped before this package was imported."""

    threads = []

    @database_sync_to_async
    def wrapped(scope):
        threads.append(threading.get_ident())
        return AnonymousUser()

    monkeypatch.setattr(auth, "get_user", wrapped)
    monkeypatch.setattr(user_lookup, "_channels_get_user", wrapped)
    engine = await serve(application)
    assert await ask(engine, {}) == "nobody middleware's"
    assert threads == [await sync_to_async(threading.get_ident)()]


def test_installed(monkeypatch):
    """Channels' middleware is replaced where it is Channels' own, and only there."""
    monkeypatch.setattr(AuthMiddleware, "resolve_scope", None)
    monkeypatch.setattr(user_lookup, "_channels_resolve_scope", None)
    user_lookup.install()
    assert AuthMiddleware.resolve_scope is None
    monkeypatch.undo()
    monkeypatch.setattr(AuthMiddleware, "resolve_scope", None)
    user_lookup.install()
    assert AuthMiddleware.resolve_scope is user_lookup._resolve_scope
