"""Communicators from ``channels_bridge.testing``: what a project's tests rely on."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection

from channels_bridge.consumer import AsyncConsumer
from channels_bridge.db import database_sync_to_async
from channels_bridge.exceptions import DenyConnection
from channels_bridge.generic.http import AsyncHttpConsumer
from channels_bridge.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels_bridge.testing import (
    ApplicationCommunicator,
    HttpCommunicator,
    WebsocketCommunicator,
)
from compat_tests.communicators import patient_communicators

__all__ = ["patient_communicators"]


class Talker(AsyncWebsocketConsumer):
    """Accepts with the first subprotocol, and says what it hears, twice what it should not say."""

    async def connect(self):
        await self.accept(next(iter(self.scope["subprotocols"]), None), [(b"x-seat", b"7")])

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)


class Closer(Talker):
    async def receive(self, text_data=None, bytes_data=None):
        await self.close(4001)


class Refuser(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close(4003)


class Denier(WebsocketConsumer):
    def connect(self):
        raise DenyConnection


async def connect(consumer, **options):
    """Connect a communicator to a consumer, which must accept."""
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/talk/?loud=1", **options)
    assert (await communicator.connect())[0]
    return communicator


@pytest.mark.parametrize("subprotocols", [[], ["b", "a"]])
async def test_accepted(subprotocols):
    """T1: ``connect()`` tells of the acceptance, with the subprotocol; headers are kept."""
    communicator = WebsocketCommunicator(Talker.as_asgi(), "/", subprotocols=subprotocols)
    assert await communicator.connect() == (True, next(iter(subprotocols), None))
    assert communicator.response_headers == [(b"x-seat", b"7")]
    await communicator.disconnect()


@pytest.mark.django_db(transaction=True)  # synchronous consumers look after connections
@pytest.mark.parametrize(("consumer", "code"), [(Refuser, 4003), (Denier, 1000)])
async def test_refused(consumer, code):
    """T1: ``connect()`` tells of a refusal, with the code, 1000 if there is none."""
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/")
    assert await communicator.connect() == (False, code)
    await communicator.disconnect()


async def test_messages():
    """T2: text, bytes and JSON go out and come back, as what they are."""
    communicator = await connect(Talker)
    await communicator.send_to(text_data="hello")
    assert await communicator.receive_from() == "hello"
    await communicator.send_to(bytes_data=b"\0\xff")
    assert await communicator.receive_from() == b"\0\xff"
    await communicator.send_json_to({"a": [1, None]})
    assert await communicator.receive_json_from() == {"a": [1, None]}
    assert await communicator.receive_nothing()
    await communicator.disconnect()


async def test_nothing_to_receive():
    """T2: ``receive_nothing()`` says whether there is nothing, and leaves what there is."""
    communicator = await connect(Talker)
    await communicator.send_to(text_data="hello")
    assert not await communicator.receive_nothing(timeout=10)
    assert await communicator.receive_from() == "hello"
    await communicator.disconnect()


async def test_wrong_type():
    """T2: receiving a message where the connection is closed is an assertion's failure."""
    communicator = await connect(Closer)
    await communicator.send_to(text_data="hello")
    with pytest.raises(AssertionError, match="'websocket.send', but was 'websocket.close'"):
        await communicator.receive_from()
    await communicator.disconnect()


@pytest.mark.parametrize("data", [{}, {"text_data": "a", "bytes_data": b"b"}, {"text_data": ""}])
async def test_exactly_one(data):
    """T2: ``send_to()`` wants either text or bytes, not empty."""
    communicator = await connect(Talker)
    with pytest.raises(AssertionError, match="exactly one of text_data or bytes_data"):
        await communicator.send_to(**data)
    await communicator.disconnect()


@pytest.mark.parametrize("given", [None, 4321])
async def test_disconnect(given):
    """T2: ``disconnect()`` gives the consumer its code, 1000 by default, and waits for its end."""
    codes = []

    class Leaver(Talker):
        async def disconnect(self, code):
            codes.append(code)

    communicator = await connect(Leaver)
    await communicator.disconnect(*filter(None, [given]))
    assert codes == [given or 1000]
    assert communicator.future.done()


@pytest.mark.parametrize("version", [{}, {"spec_version": "2.3"}])
async def test_scope(version):
    """T3: the scope has these keys and no others; a version of the specification on top."""
    scopes = []

    class Teller(Talker):
        async def connect(self):
            scopes.append(self.scope)
            await self.accept()

    communicator = await connect(Teller, headers=[(b"host", b"x")], **version)
    assert scopes == [
        {
            "type": "websocket",
            "path": "/talk/",
            "query_string": b"loud=1",
            "headers": [(b"host", b"x")],
            "subprotocols": [],
            **version,
        }
    ]
    await communicator.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_database_stays_open():
    """T4: consumers close no database connections in tests, which they would between messages."""

    class Counter(Talker):
        @database_sync_to_async
        def count(self):
            """Count calls, in a table that only this connection has."""
            with connection.cursor() as cursor:
                cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS calls (number)")
                cursor.execute("INSERT INTO calls VALUES (0)")
                cursor.execute("SELECT COUNT(*) FROM calls")
                return cursor.fetchone()[0]

        async def receive(self, text_data=None, bytes_data=None):
            await self.send(str(await self.count()))

    communicator = await connect(Counter)
    for number in ("1", "2", "3"):
        await communicator.send_to(text_data="count")
        assert await communicator.receive_from() == number
    await communicator.disconnect()


async def test_timeout():
    """T5: a test that waits in vain cancels the application."""
    communicator = await connect(Talker)
    with pytest.raises(asyncio.TimeoutError):
        await communicator.receive_from(timeout=0.01)
    assert communicator.future.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await communicator.send_to(text_data="hello")


async def test_exception():
    """T5: a consumer's exception comes out where the test waits for it."""

    class Failing(Talker):
        async def receive(self, text_data=None, bytes_data=None):
            raise LookupError("as told")

    communicator = await connect(Failing)
    await communicator.send_to(text_data="hello")
    with pytest.raises(LookupError, match="as told"):
        await communicator.wait()


async def test_http():
    """T6: ``HttpCommunicator`` sends a request, and gathers the response."""

    class Page(AsyncHttpConsumer):
        async def handle(self, body):
            assert (self.scope["method"], self.scope["path"]) == ("POST", "/page/")
            assert self.scope["query_string"] == b"n=2"
            await self.send_headers(status=201, headers=[(b"x-page", b"yes")])
            await self.send_body(body, more_body=True)
            await self.send_body(b" and more")

    communicator = HttpCommunicator(Page.as_asgi(), "post", "/page/?n=2", body=b"a body")
    response = await communicator.get_response()
    assert response == {
        "status": 201,
        "headers": [(b"x-page", b"yes")],
        "body": b"a body and more",
    }


async def test_application():
    """T6: ``ApplicationCommunicator`` runs any application, such as a worker's consumer."""

    class Worker(AsyncConsumer):
        async def print_page(self, message):
            await self.send({"type": "printed", "page": message["page"]})

    scope = {"type": "channel", "channel": "printer"}
    communicator = ApplicationCommunicator(Worker.as_asgi(), scope)
    await communicator.send_input({"type": "print.page", "page": 7})
    assert await communicator.receive_output() == {"type": "printed", "page": 7}
    communicator.stop()
