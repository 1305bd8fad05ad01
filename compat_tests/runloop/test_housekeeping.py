"""Stale database connections are closed, and nobody pays for it who has none."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, connection

from channels_bridge import housekeeping as module
from channels_bridge.housekeeping import Housekeeping


@pytest.fixture
def rounds(monkeypatch):
    """How often stale connections were looked for."""
    calls = []
    original = module._close_old_connections

    def counting():
        calls.append(True)
        return original()

    monkeypatch.setattr(module, "_close_old_connections", counting)
    monkeypatch.setattr("channels_bridge.runloop.housekeeping", Housekeeping())
    return calls


def query():
    connection.ensure_connection()


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "query":
            await database_sync_to_async(query)()
        if text_data == "fail":
            raise DatabaseError("gone away")
        await self.send(text_data)


async def exchange(engine, *texts):
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
