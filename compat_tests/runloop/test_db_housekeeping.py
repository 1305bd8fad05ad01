"""Stale database connections are closed, and nobody pays for it who has none."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from asgiref.sync import SyncToAsync, sync_to_async
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, connections

from channels_bridge import consumers
from channels_bridge.native.native_application import NativeApplication
from channels_bridge.runloop import db_housekeeping as module
from channels_bridge.runloop.db_housekeeping import Housekeeping
from compat_tests.engine import DEADLINE
from compat_tests.swap.postgresql import find_programs, postgresql


@pytest.fixture
def rounds(monkeypatch):
    """How often stale connections were looked for."""
    calls = []
    original = module._close_old_connections

    def counting():
        calls.append(True)
        return original()

    monkeypatch.setattr(module, "_close_old_connections", counting)
    housekeeping = Housekeeping()
    monkeypatch.setattr("channels_bridge.runloop.consumer_loop.housekeeping", housekeeping)
    monkeypatch.setattr("channels_bridge.consumers.housekeeping", housekeeping)
    return calls


def query():
    connection.ensure_connection()


class Echo(AsyncWebsocketConsumer):
    """Sends back what it receives, by way of the database if told so."""

    async def receive(self, text_data=None, bytes_data=None):
        """Query the database, fail as it does, or do nothing with it; then answer."""
        if text_data == "query":
            await database_sync_to_async(query)()
        if text_data == "fail":
            raise DatabaseError("gone away")
        await self.send(text_data)


async def exchange(engine, *texts):
    """Send texts to an echo, one after the other."""
    async with engine.connect() as websocket:
        for text in texts:
            await websocket.send(text)
            assert await websocket.recv() == text


async def test_no_hop_without_a_database_connection(serve, rounds):
    """A consumer that uses no database never waits for a thread."""
    engine = await serve(Echo.as_asgi())
    await exchange(engine, "a", "b", "c")
    assert not rounds


@pytest.mark.django_db(transaction=True)
async def test_one_round_a_second_with_one(serve, rounds):
    """Once a connection was opened, stale ones are looked for before a handler, once a second."""
    engine = await serve(Echo.as_asgi())
    await exchange(engine, "query", "a", "b", "c")
    assert len(rounds) == 1


async def test_a_database_error_makes_the_next_round_due(serve, rounds, caplog):
    """After a handler failed with a database error, the next handler finds no broken connection."""
    engine = await serve(Echo.as_asgi())
    async with engine.connect() as websocket:
        await websocket.send("fail")
        await websocket.wait_closed()
    await engine.idle()
    assert len(rounds) == 1


@pytest.mark.django_db(transaction=True)
async def test_an_error_that_a_handler_caught(serve, rounds, monkeypatch):
    """After an error a connection is looked at before the next handler, once, whoever caught it."""

    class Catching(Echo):
        async def receive(self, text_data=None, bytes_data=None):
            if text_data == "catch":
                await sync_to_async(fail)()
            await super().receive(text_data)

    def fail():
        with pytest.raises(DatabaseError):
            connection.cursor().execute("SELECT nothing")

    monkeypatch.setattr(module, "INTERVAL", 3600)
    engine = await serve(Catching.as_asgi())
    async with engine.connect() as websocket:
        for text, made in (("query", 0), ("a", 1), ("catch", 1), ("a", 2), ("b", 2)):
            await websocket.send(text)
            assert await websocket.recv() == text
            assert len(rounds) == made


class Counting:
    """Counts rows by Django's native async ORM, and catches what that raises."""

    using = "default"

    async def receive(self, text_data=None, bytes_data=None):
        try:
            await Session.objects.using(self.using).acount()
        except DatabaseError:
            text_data = "error"
        await self.send(text_data)


class ChannelsCounting(Counting, AsyncWebsocketConsumer):
    pass


class NativeCounting(Counting, consumers.BaseConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await super().receive(text_data)


def native(consumer):
    """An application that serves a native consumer, without the middlewares of the settings."""

    class Middleware:
        async def __call__(self, websocket, call_next):
            websocket.handler = consumer.as_handler()
            await call_next(websocket)

    return NativeApplication([Middleware()])


TABLE = "CREATE TABLE django_session (session_key text, session_data text, expire_date timestamptz)"


@pytest.fixture(scope="module")
def database():
    """A PostgreSQL server, as the settings of a Django database."""
    programs = find_programs()
    if programs is None:
        give_up = pytest.fail if "CI" in os.environ else pytest.skip
        give_up("needs the packages postgresql (Debian) and psycopg (PyPI)")
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        with postgresql(programs, Path(directory)) as host:
            execute(host, TABLE)
            settings = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres"}
            yield {**settings, "HOST": host, "USER": "desk", "CONN_MAX_AGE": None}


@pytest.fixture
def alias(database, django_db_blocker):
    """The alias of such a database; its further settings are the test's to add."""
    known = connections.configure_settings({"default": {}, "restarted": dict(database)})
    connections.settings["restarted"] = known["restarted"]
    with django_db_blocker.unblock():
        yield "restarted"
        SyncToAsync.single_thread_executor.submit(forget, "restarted").result(DEADLINE)
    del connections.settings["restarted"]


def forget(alias):
    connections[alias].close()
    del connections[alias]


def execute(host, statement):
    """Execute a statement on the database server, past the connections of Django."""
    import psycopg

    with psycopg.connect(host=host, user="desk", dbname="postgres") as connection:
        connection.execute(statement)


#: What the server's restart does to its clients.
END_BACKENDS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("surface", ["channels", "native"])
@pytest.mark.parametrize(
    ("settings", "answers"),
    [({}, ["error", "b", "c"]), ({"CONN_HEALTH_CHECKS": True}, ["a", "b", "c"])],
    ids=["found by an error", "checked before"],
)
async def test_a_database_that_was_restarted(
    serve, rounds, monkeypatch, database, alias, surface, settings, answers
):
    """After a restart of the database a caught error is the only one; with CONN_HEALTH_CHECKS there
    is none at all. Those who connect later meet none, either.
    """
    monkeypatch.setattr(module, "INTERVAL", 3600)
    monkeypatch.setattr(Counting, "using", alias)
    connections.settings[alias] |= settings
    consumer = ChannelsCounting.as_asgi() if surface == "channels" else native(NativeCounting)
    engine = await serve(consumer)
    async with engine.connect() as websocket:
        for text in ("first", "second"):
            await websocket.send(text)
            assert await websocket.recv() == text
        await asyncio.to_thread(execute, database["HOST"], END_BACKENDS)
        for text, answer in zip("abc", answers, strict=True):
            await websocket.send(text)
            assert await websocket.recv() == answer
    await exchange(engine, "d")
