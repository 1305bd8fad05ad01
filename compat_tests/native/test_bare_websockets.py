"""A native handler on plain ``websockets.serve()``."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from channels_bridge.consumers import BaseConsumer
from channels_bridge.groups import GroupMessage
from channels_bridge.native import bare_websockets
from channels_bridge.transport import get_channel_layer


class Chat(BaseConsumer):
    """Sends text to the group, and bytes back; it notes the codes it is closed with."""

    codes: list[int]

    def __init__(self, codes=None):
        self.codes = [] if codes is None else codes

    async def connect(self):
        await get_channel_layer().group_add("plain", self)

    async def receive(self, text_data=None, bytes_data=None):
        """Send bytes back, and text to the group."""
        if bytes_data is not None:
            await self.send(bytes_data)
        else:
            await get_channel_layer().group_send("plain", GroupMessage("chat", text_data))

    async def chat(self, event: GroupMessage):
        await self.send(f"all: {event.message}")

    async def disconnect(self, code):
        self.codes.append(code)


@asynccontextmanager
async def serving(handler):
    """Serve a handler on a free port. Yields its address."""
    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def until(condition, deadline=30.0):
    """Wait until ``condition()``, for at most ``deadline`` seconds."""
    end = asyncio.get_running_loop().time() + deadline
    while not condition():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.005)


async def close_code(websocket):
    """Wait for the end of a connection. Returns the code that the server gave."""
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(websocket.recv(), 30)
    return closed.value.rcvd.code


async def test_messages_and_groups():
    """A consumer answers its client, and its group's messages reach each member."""
    codes = []
    async with serving(Chat.as_handler(codes=codes)) as url:
        async with connect(url) as one, connect(url) as two:
            await one.send(b"\x00\x01")
            assert await one.recv() == b"\x00\x01"
            await two.send(b"both are members now")
            await two.recv()
            await one.send("hello")
            assert await one.recv() == await two.recv() == "all: hello"
            await two.close(4321)
        await until(lambda: len(codes) == 2)
    assert codes == [4321, 1000]


async def test_scope():
    """The scope is made from the request, and the middlewares add to it."""

    class Witness(BaseConsumer):
        async def connect(self):
            scope = self.scope
            shown = [scope["path"], scope["query_string"].decode(), scope["COOKIES"]]
            user, kwargs = scope["user"].is_anonymous, scope["url_route"]["kwargs"]
            await self.send(json.dumps([*shown, scope["HEADERS"]["X-Trace"], user, kwargs]))

    handler = Witness.as_handler()
    async with serving(lambda websocket: handler(websocket, room="lobby")) as url:
        headers = {"Cookie": "a=1", "X-Trace": "7"}
        async with connect(f"{url}/ws%20/?q=1", additional_headers=headers) as websocket:
            expected = ["/ws /", "q=1", {"a": "1"}, "7", True, {"room": "lobby"}]
            assert json.loads(await websocket.recv()) == expected


@pytest.mark.parametrize(
    ("refuse", "code"),
    [
        (lambda consumer: consumer.reject(), 1008),
        (lambda consumer: consumer.close(), 1008),
        (lambda consumer: consumer.close(4403), 4403),
    ],
)
async def test_reject(refuse, code):
    """As the handshake is over, a rejection is close code 1008, or the consumer's own code."""

    class Refuser(BaseConsumer):
        async def connect(self):
            await refuse(self)

    async with serving(Refuser.as_handler()) as url, connect(url) as websocket:
        assert await close_code(websocket) == code


async def test_foreign_origin():
    """A page of another site is closed with 1008."""
    async with serving(Chat.as_handler()) as url:
        async with connect(url, origin="http://evil.example") as websocket:
            assert await close_code(websocket) == 1008


async def test_exception(caplog):
    """An exception is logged by websockets with its traceback, and closes with 1011."""

    class Faulty(Chat):
        async def receive(self, text_data):
            raise ZeroDivisionError("receive")

    codes = []
    async with serving(Faulty.as_handler(codes=codes)) as url, connect(url) as websocket:
        await websocket.send("boom")
        assert await close_code(websocket) == 1011
    assert codes == [1011]
    assert "ZeroDivisionError: receive" in caplog.text


async def test_close():
    """close() reaches the client with its code and reason."""

    class Closer(Chat):
        async def receive(self, text_data):
            await self.close(4123, "enough")

    codes = []
    async with serving(Closer.as_handler(codes=codes)) as url, connect(url) as websocket:
        await websocket.send("go")
        assert await close_code(websocket) == 4123
        assert websocket.close_reason == "enough"
    assert codes == [4123]


async def test_client_lost():
    """When the client's end is cut, disconnect() gets 1006."""
    codes = []
    async with serving(Chat.as_handler(codes=codes)) as url, connect(url) as websocket:
        await websocket.send(b"open")
        await websocket.recv()
        websocket.transport.abort()
        await until(lambda: codes)
    assert codes == [1006]


async def test_server_stops():
    """When the server closes, disconnect() gets its 1001."""
    codes = []
    async with serving(Chat.as_handler(codes=codes)) as url:
        websocket = await connect(url)
        await websocket.send(b"open")
        await websocket.recv()
    assert await close_code(websocket) == 1001
    assert codes == [1001]


class Guard:
    """A project's middleware that has routes of its own."""

    routes = ("/private",)

    async def __call__(self, websocket, call_next):
        await websocket.close(4403)


async def test_middlewares_with_routes_of_their_own(settings):
    """The router is left out, and no other middleware, whatever its attributes are called."""
    settings.WEBSOCKET_MIDDLEWARE = [f"{__name__}.Guard"]
    bare_websockets._middlewares.cache_clear()
    try:
        async with serving(Chat.as_handler()) as url, connect(url) as websocket:
            assert await close_code(websocket) == 4403
    finally:
        bare_websockets._middlewares.cache_clear()
