"""Native consumers whose clients speak the protocol."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from channels_bridge.consumers import BaseConsumer
from channels_bridge.native.native_application import NativeApplication
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.resume.tags import tag_of
from compat_tests.clients.raw_connection import DEADLINE
from compat_tests.resume.speaking import Room, Speaker

pytestmark = pytest.mark.usefixtures("worker")

TAG = tag_of("room")

members: asyncio.Queue


class NativeRoom(BaseConsumer):
    async def connect(self):
        room.join(self)
        members.put_nowait(self)

    async def receive(self, text_data):
        await self.send(text_data)

    async def chat_text(self, event):
        for text in event.params["texts"]:
            await self.send(text)

    async def chat_fault(self, event):
        raise RuntimeError("a fault of the handler")


class Refusing(BaseConsumer):
    async def connect(self):
        await self.reject()


class Closing(BaseConsumer):
    async def connect(self):
        await self.close()


def serving(consumer):
    """An application that runs a consumer."""

    class Route:
        async def __call__(self, websocket, call_next):
            websocket.handler = consumer.as_handler()
            await call_next(websocket)

    return Negotiation(NativeApplication([Route()]))


@pytest.fixture(autouse=True)
def fresh():
    global members, room
    members, room = asyncio.Queue(), Room(offset=16)


async def test_headers_and_resume(serve):
    """Native handlers' messages have their numbers, and are made good."""
    engine = await serve(serving(NativeRoom))
    speaker = await Speaker(engine).connect()
    member = await asyncio.wait_for(members.get(), DEADLINE)
    await speaker.hear_of("hello")
    await speaker.hear_of("at")
    await speaker.websocket.send("echo")
    assert await speaker.raw() == ";echo"
    room.give(member, "chat.text", texts=["a", "b"])
    assert [await speaker.raw() for _ in range(2)] == [f"{TAG}:17.0;a", f"{TAG}:17;b"]
    speaker.websocket.transport.abort()
    await speaker.websocket.wait_closed()
    room.add("chat.text", texts=["c"])
    await speaker.connect()
    await speaker.hear_of("hello")
    assert (await speaker.hear_of("at")).fields["r"] == "ok"
    assert await speaker.raw() == f"{TAG}:18;c"
    await speaker.hear_of("live")
    await speaker.websocket.close()


async def test_handler_that_fails(serve):
    """The client is past the message, and told so."""
    engine = await serve(serving(NativeRoom))
    speaker = await Speaker(engine).connect()
    member = await asyncio.wait_for(members.get(), DEADLINE)
    room.give(member, "chat.fault")
    assert await speaker.closed() == 1011
    assert speaker.protocol.standings[TAG].offset == 17


@pytest.mark.parametrize("consumer", [Refusing, Closing])
async def test_refused_by_the_consumer(serve, consumer):
    """A client of the protocol is told by a close code; others get 403."""
    engine = await serve(serving(consumer))
    speaker = await Speaker(engine).connect()
    assert await speaker.closed() == 4403
    assert speaker.protocol.speaks is None
    with pytest.raises(InvalidStatus) as refused:
        await engine.connect()
    assert refused.value.response.status_code == 403


async def test_refused_before_the_consumer(serve):
    """Where no handler is found, the answer stays what it is."""
    engine = await serve(Negotiation(NativeApplication([])))
    with pytest.raises(InvalidStatus) as refused:
        await Speaker(engine).connect()
    assert refused.value.response.status_code == 404
