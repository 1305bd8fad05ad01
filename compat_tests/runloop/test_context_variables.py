"""Context variables that consumers bind are seen by the middlewares around them, as in Channels."""

from __future__ import annotations

import asyncio
import contextvars

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.testing import WebsocketCommunicator
from django.utils import translation
from websockets.exceptions import ConnectionClosed

from channels_bridge.runloop.sync_threads import SyncThreads
from compat_tests.engine import DEADLINE

user, text, code, passed = (
    contextvars.ContextVar(name, default=None) for name in ("user", "text", "code", "passed")
)


class Failed(Exception):
    """What a handler raises at "fail"."""


class Binding:
    """A consumer that binds what it knows, and activates the language that it is sent."""

    def connected(self):
        assert passed.get() == "by the middleware"
        user.set("ada")

    def received(self, text_data):
        """Check what ``connect()`` has set, and set more."""
        if text_data == "fail":
            raise Failed
        assert user.get() == "ada"
        text.set(text_data)
        translation.activate(text_data)


class AsyncBinding(Binding, AsyncWebsocketConsumer):
    """Sets variables in each handler, which the next one reads."""

    async def connect(self):
        self.connected()
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        self.received(text_data)
        await self.send(text_data)

    async def disconnect(self, close_code):
        code.set(close_code)


class SyncBinding(Binding, WebsocketConsumer):
    """The same, synchronous."""

    def connect(self):
        self.connected()
        self.accept()

    def receive(self, text_data=None, bytes_data=None):
        self.received(text_data)
        self.send(text_data)

    def disconnect(self, close_code):
        code.set(close_code)


class Middleware:
    """Sees what is bound whenever the consumer receives or sends, and when it has returned."""

    def __init__(self, consumer, wraps):
        self.application = consumer.as_asgi()
        self.wraps = wraps
        self.seen = []
        self.at_end = None
        self.ended = asyncio.Event()

    async def __call__(self, scope, receive, send):
        async def receiving():
            self.seen.append(("receive", user.get(), text.get()))
            return await receive()

        async def sending(message):
            self.seen.append(("send", user.get(), text.get()))
            await send(message)

        token = passed.set("by the middleware")
        try:
            await self.application(
                scope,
                receiving if "receive" in self.wraps else receive,
                sending if "send" in self.wraps else send,
            )
        except Failed:
            pass
        finally:
            self.at_end = user.get(), text.get(), code.get(), translation.get_language()
            passed.reset(token)
            self.ended.set()

    async def end(self):
        await asyncio.wait_for(self.ended.wait(), DEADLINE)
        return self.at_end


consumers = pytest.mark.parametrize("consumer", [AsyncBinding, SyncBinding])


async def in_channels(application, *texts):
    """Run the application as Channels does, with these texts."""
    communicator = WebsocketCommunicator(application, "/")
    await communicator.connect()
    for sent in texts:
        await communicator.send_to(text_data=sent)
        await communicator.receive_from()
    await communicator.disconnect(1001)


async def on_the_server(engine, *texts):
    """Run the application on the engine, with these texts."""
    async with engine.connect() as websocket:
        for sent in texts:
            await websocket.send(sent)
            await asyncio.wait_for(websocket.recv(), DEADLINE)
        await websocket.close(1001)


@consumers
@pytest.mark.parametrize("wraps", ["", "receive", "send", "receive and send"])
async def test_middlewares_see_what_consumers_bind(serve, consumer, wraps):
    """A middleware sees a consumer's variables, and its language, at the end and in between."""
    theirs, ours = Middleware(consumer, wraps), Middleware(consumer, wraps)
    await in_channels(theirs, "de", "pl")
    await on_the_server(await serve(ours), "de", "pl")
    assert await ours.end() == await theirs.end() == ("ada", "pl", 1001, "pl")
    assert ours.seen == theirs.seen


@consumers
async def test_what_was_bound_before_a_failure(serve, consumer):
    """So does it where a handler has failed; and what the disconnect handler has bound."""
    middleware = Middleware(consumer, "")
    engine = await serve(middleware)
    async with engine.connect() as websocket:
        for sent in ("de", "fail"):
            await websocket.send(sent)
        assert await websocket.recv() == "de"
        with pytest.raises(ConnectionClosed):
            await websocket.recv()
    assert await middleware.end() == ("ada", "de", 1011, "de")


async def test_connections_do_not_share_variables(serve):
    """What one connection's consumer binds is in no other's; with threads of their own, too."""
    sync, others = Middleware(SyncBinding, ""), Middleware(AsyncBinding, "")

    async def application(scope, receive, send):
        await (sync if scope["path"] == "/sync" else others)(scope, receive, send)

    engine = await serve(SyncThreads(application, 2))
    async with engine.connect("/sync") as one, engine.connect("/other"):
        await one.send("de")
        assert await one.recv() == "de"
    assert await sync.end() == ("ada", "de", 1000, "de")
    assert await others.end() == ("ada", None, 1000, translation.get_language())
