"""Handlers of synchronous consumers in their thread: what they find there, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading

import pytest
from asgiref.sync import SyncToAsync, ThreadSensitiveContext, async_to_sync, sync_to_async
from channels.db import database_sync_to_async
from channels.generic.websocket import WebsocketConsumer
from django.db import connection
from django.utils import translation

from channels_bridge.runloop import db_housekeeping as housekeeping_module
from channels_bridge.runloop import sync_dispatch
from channels_bridge.runloop.sync_threads import SyncThreads
from compat_tests.engine import DEADLINE, until

setting = contextvars.ContextVar("setting", default="nothing")


async def answer(websocket, text="go"):
    await websocket.send(text)
    return await asyncio.wait_for(websocket.recv(), DEADLINE)


async def test_context_variables_last_from_handler_to_handler(serve):
    """What a middleware or a handler sets is there in the later handlers of its consumer, in no
    other's; so it is for Django's language, which asgiref ties to a thread as well.
    """

    class Setting(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            self.send(f"{setting.get()} {translation.get_language()}")
            setting.set(text_data)
            translation.activate(text_data)

    consumer = Setting.as_asgi()

    async def middleware(scope, receive, send):
        setting.set("middleware's")
        translation.activate("fr")
        await consumer(scope, receive, send)

    engine = await serve(middleware)
    async with engine.connect() as one, engine.connect() as two:
        assert await answer(one, "de") == "middleware's fr"
        assert await answer(one, "pl") == "de de"
        # Only the variable: asgiref 3.8 may mix up the languages of two connections by itself.
        assert (await answer(two, "it")).startswith("middleware's ")
        assert (await answer(one, "es")).startswith("pl ")


async def test_coroutines_of_a_handler_run_on_the_servers_loop(serve):
    """``async_to_sync`` in a handler runs on the loop that serves, and ``sync_to_async`` in that on
    the handler's own thread; a variable that is set there is set for the handler.
    """
    loop, threads = asyncio.get_running_loop(), []

    class Calling(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            threads.append(threading.get_ident())
            async_to_sync(self.coroutine)()
            self.send(setting.get())

        async def coroutine(self):
            assert asyncio.get_running_loop() is loop
            threads.append(await sync_to_async(threading.get_ident)())
            threads.append(await database_sync_to_async(threading.get_ident)())
            setting.set("coroutine's")

    engine = await serve(Calling.as_asgi())
    async with engine.connect() as websocket:
        for _ in range(2):
            assert await answer(websocket) == "coroutine's"
    threads.append(await sync_to_async(threading.get_ident)())
    assert len(set(threads)) == 1


class Waiting(WebsocketConsumer):
    """Notes what it does. At "hold", keeps the thread until it is let go."""

    def __init__(self, notes, held, go):
        super().__init__()
        self.notes, self.held, self.go = notes, held, go

    def receive(self, text_data=None, bytes_data=None):
        """Note the text and send it back; one text holds the handler up until the test lets go."""
        self.notes.append(text_data)
        if text_data == "hold":
            self.held.set()
            self.go.wait(DEADLINE)
        self.send(text_data)


@pytest.fixture
async def waiting(serve):
    """Serves such consumers; gives the engine, their notes, and two events: held, and go on."""
    go = threading.Event()

    async def start(**options):
        notes, held = [], threading.Event()
        engine = await serve(Waiting.as_asgi(notes=notes, held=held, go=go), **options)
        return engine, notes, held, go

    yield start
    go.set()


def received(engine):
    return engine.context.counters.received


async def test_one_hop_takes_all_messages_that_wait(waiting, monkeypatch):
    """While a handler keeps the thread, messages of ten others wait; they need no hop of theirs."""
    hops = []

    def counting(function):
        hops.append(function)
        return sync_to_async(function)

    monkeypatch.setattr(sync_dispatch, "sync_to_async", counting)
    monkeypatch.setattr(sync_dispatch, "SLICE", DEADLINE)
    engine, notes, held, go = await waiting()
    async with engine.connect() as holding, contextlib.AsyncExitStack() as stack:
        others = [await stack.enter_async_context(engine.connect()) for _ in range(10)]
        await holding.send("hold")
        await until(held.is_set)
        for number, other in enumerate(others):
            await other.send(str(number))
        await until(lambda: received(engine) == 11)
        assert notes == ["hold"]
        go.set()
        for number, other in enumerate(others):
            assert await asyncio.wait_for(other.recv(), DEADLINE) == str(number)
        assert len(hops) == 1


async def test_other_work_of_the_thread_has_its_turn(waiting, monkeypatch):
    """After a handler that takes long, what others have for the thread comes before the next
    message, though this waits in the same lane.
    """
    monkeypatch.setattr(sync_dispatch, "SLICE", -1.0)
    engine, notes, held, go = await waiting()
    async with engine.connect() as holding, engine.connect() as other:
        await holding.send("hold")
        await until(held.is_set)
        await other.send("message")
        await until(lambda: received(engine) == 2)
        query = asyncio.ensure_future(sync_to_async(notes.append)("query"))
        await asyncio.sleep(0)
        go.set()
        assert await asyncio.wait_for(other.recv(), DEADLINE) == "message"
        await asyncio.wait_for(query, DEADLINE)
    assert notes == ["hold", "query", "message"]


async def test_a_cancelled_handler_that_waits_for_the_loop(serve, caplog):
    """At the end of ``close_timeout``, what a handler waits for is cancelled; ``disconnect()``
    runs.
    """
    codes, waits = [], asyncio.Event()

    class Stuck(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            try:
                async_to_sync(self.wait)()
            finally:
                codes.append("cancelled")

        async def wait(self):
            waits.set()
            await asyncio.Event().wait()

        def disconnect(self, code):
            codes.append(code)

    engine = await serve(Stuck.as_asgi(), close_timeout=0.1)
    async with engine.connect() as websocket:
        await websocket.send("go")
        await asyncio.wait_for(waits.wait(), DEADLINE)
    await engine.idle()
    assert codes == ["cancelled", 1000]
    assert "the application did not return within 0.1 s" in caplog.text


async def test_a_cancelled_handler_that_has_not_begun(waiting, caplog):
    """A message whose consumer was cancelled before the thread came to it is not handled."""
    engine, notes, held, go = await waiting(close_timeout=0.1)
    async with engine.connect() as holding:
        async with engine.connect() as other:
            await holding.send("hold")
            await until(held.is_set)
            await other.send("never")
            await until(lambda: received(engine) == 2)
        await until(lambda: "did not return" in caplog.text)
        go.set()
        assert await asyncio.wait_for(holding.recv(), DEADLINE) == "hold"
    await engine.idle()
    assert notes == ["hold"]


@pytest.mark.parametrize("error", [ValueError("mistake"), StopIteration(), KeyError()])
async def test_errors_of_handlers(serve, caplog, error):
    """Whatever a handler raises is in the log and closes the connection, that one only."""

    class Failing(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            if text_data == "fail":
                raise error
            self.send(text_data)

    engine = await serve(Failing.as_asgi())
    async with engine.connect() as failing, engine.connect() as other:
        assert await answer(failing, "a") == "a"
        await failing.send("fail")
        await failing.wait_closed()
        assert failing.close_code == 1011
        assert await answer(other, "b") == "b"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert error in (record.exc_info[1], record.exc_info[1].__cause__)


async def test_a_thread_that_has_ended(serve, caplog):
    """Where asgiref can't reach the thread any more, its consumers fail; they do not wait."""

    class Echo(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            self.send(text_data)

    application = SyncThreads(Echo.as_asgi(), 1)
    engine = await serve(application)
    async with engine.connect() as websocket:
        assert await answer(websocket, "a") == "a"
        (thread,) = application._connections
        assert isinstance(thread, ThreadSensitiveContext)
        SyncToAsync.context_to_thread_executor[thread].shutdown()
        await websocket.send("b")
        await websocket.wait_closed()
        assert websocket.close_code == 1011
    assert "cannot schedule new futures" in caplog.text


async def test_a_synchronous_dispatch_of_ones_own(serve):
    """A synchronous consumer that overrides ``dispatch()`` is dispatched by it."""
    types = []

    class Own(WebsocketConsumer):
        async def dispatch(self, message):
            types.append(message["type"])
            await super().dispatch(message)

        def receive(self, text_data=None, bytes_data=None):
            self.send(text_data)

    engine = await serve(Own.as_asgi())
    async with engine.connect() as websocket:
        assert await answer(websocket, "a") == "a"
    await engine.idle()
    assert types == ["websocket.connect", "websocket.receive", "websocket.disconnect"]


@pytest.mark.django_db(transaction=True)
async def test_database_connections_are_looked_after(serve, monkeypatch):
    """A handler's connection is closed after it when it is too old to be kept, as in Channels; a
    handler that has none pays for no look at it.
    """
    rounds = []
    original = housekeeping_module._close_old_connections

    def counting():
        rounds.append(True)
        return original()

    class Asking(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            was_open = connection.connection is not None
            if text_data == "query":
                connection.ensure_connection()
            self.send(f"{was_open} {len(rounds)}")

    await database_sync_to_async(lambda: connection.close())()
    monkeypatch.setattr(sync_dispatch, "housekeeping", housekeeping_module.Housekeeping())
    monkeypatch.setattr(housekeeping_module, "_close_old_connections", counting)
    engine = await serve(Asking.as_asgi())
    async with engine.connect() as websocket:
        assert await answer(websocket) == "False 0"
        assert await answer(websocket, "query") == "False 0"
        assert await answer(websocket) == "False 1"
        assert await answer(websocket) == "False 1"
