"""Handshakes that are refused: by the consumer, and by what stands before it."""

from __future__ import annotations

import pytest
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.security.websocket import OriginValidator
from websockets.exceptions import InvalidStatus

from channels_bridge.resume.negotiation import Negotiation
from compat_tests.resume.speaking import Speaker

pytestmark = pytest.mark.usefixtures("worker")


class Closing(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close(code=4001)


class Denying(AsyncWebsocketConsumer):
    async def connect(self):
        raise DenyConnection


class ClosingSync(WebsocketConsumer):
    def connect(self):
        self.close()


def answering(status):
    class Answering(AsyncWebsocketConsumer):
        async def connect(self):
            start = {"type": "websocket.http.response.start", "status": status, "headers": []}
            await self.base_send(start)
            await self.base_send({"type": "websocket.http.response.body", "body": b"no"})

    return Answering


refusing = pytest.mark.parametrize("consumer", [Closing, Denying, ClosingSync, answering(404)])


@refusing
async def test_refused_by_the_consumer(serve, consumer):
    """A client of the protocol is told so by a close code, and not greeted before."""
    engine = await serve(Negotiation(consumer.as_asgi()))
    speaker = await Speaker(engine).connect()
    assert await speaker.closed() == 4403
    assert speaker.protocol.speaks is None


@refusing
async def test_plain_clients_get_an_http_status(serve, consumer):
    """As ever."""
    engine = await serve(Negotiation(consumer.as_asgi()))
    with pytest.raises(InvalidStatus) as refused:
        await engine.connect()
    assert refused.value.response.status_code in (403, 404)


async def test_come_again_later(serve):
    """An answer that asks for another attempt stays what it is: the client makes one."""
    engine = await serve(Negotiation(answering(429).as_asgi()))
    with pytest.raises(InvalidStatus) as refused:
        await Speaker(engine).connect()
    assert refused.value.response.status_code == 429


async def test_refused_by_a_middleware(serve):
    """A wrong origin is 403, for clients of the protocol too."""
    application = OriginValidator(Closing.as_asgi(), ["https://good.example"])
    engine = await serve(Negotiation(application))
    with pytest.raises(InvalidStatus) as refused:
        await Speaker(engine).connect(origin="https://bad.example")
    assert refused.value.response.status_code == 403


async def test_refused_after_it_was_accepted(serve):
    """Then the consumer's own code counts."""

    class Late(AsyncWebsocketConsumer):
        async def connect(self):
            await self.accept()
            await self.close(code=4001)

    engine = await serve(Negotiation(Late.as_asgi()))
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    assert await speaker.closed() == 4001


@pytest.mark.parametrize("is_sync", [False, True])
async def test_failing_connect(serve, is_sync):
    """An error is no refusal: 500, after which the client tries again."""

    class Failing(AsyncWebsocketConsumer):
        async def connect(self):
            raise RuntimeError("a fault of the consumer")

    class FailingSync(WebsocketConsumer):
        def connect(self):
            raise RuntimeError("a fault of the consumer")

    engine = await serve(Negotiation((FailingSync if is_sync else Failing).as_asgi()))
    with pytest.raises(InvalidStatus) as refused:
        await Speaker(engine).connect()
    assert refused.value.response.status_code == 500
