"""Sending from synchronous consumers, past ``async_to_sync``."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from asgiref.sync import async_to_sync
from channels.generic.websocket import WebsocketConsumer
from websockets.exceptions import ConnectionClosed

from channels_bridge.server.websocket.sender import LENGTH, MESSAGES
from channels_bridge.server.websocket.writer import WRITE_HIGH_WATER
from compat_tests.engine import DEADLINE, until
from compat_tests.server.websocket.test_write_timeout import stalled_client

SHORT, LONG = "x", "x" * (LENGTH + 1)


def through_middleware(application):
    """With something that wants to see each message: then each send waits, as in Channels."""

    async def middleware(scope, receive, send):
        async def see(message):
            await send(message)

        await application(scope, receive, see)

    return middleware


ways = pytest.mark.parametrize("way", [lambda application: application, through_middleware])


async def received(websocket):
    """All messages until the close, and its code."""
    messages = []
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            messages.append(await asyncio.wait_for(websocket.recv(), DEADLINE))
    return messages, closed.value.rcvd.code


@ways
async def test_messages_arrive_in_the_order_of_sending(serve, way):
    """Short ones, long ones, more than fit, a group's, the close: the order is the handler's."""

    class Talkative(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            for number in range(3 * MESSAGES):
                self.send(f"{number} {SHORT}")
                self.send(f"{number} {LONG if number % 5 == 0 else SHORT}")
            self.send(bytes_data=b"last", close=4000)

    engine = await serve(way(Talkative.as_asgi()))
    async with engine.connect() as websocket:
        await websocket.send("go")
        messages, code = await received(websocket)
    assert [int(message.split()[0]) for message in messages[:-1]] == [
        number for number in range(3 * MESSAGES) for _ in range(2)
    ]
    assert (messages[-1], code) == (b"last", 4000)


INVALID = [
    {"type": "websocket.send"},
    {"type": "websocket.send", "text": "both", "bytes": b"both"},
    {"type": "websocket.send", "text": b"bytes"},
    {"type": "websocket.send", "bytes": "text"},
    {"type": "websocket.send", "text": "\ud800"},
    {"type": "websocket.nonsense"},
    {"text": "no type"},
]


class Careless(WebsocketConsumer):
    """Sends what can't be sent, notes what that raises, and goes on."""

    errors: list

    def attempt(self, message):
        """Send a message, and note the error that this raises, or that it raises none."""
        try:
            self.base_send(message)
        except Exception as error:
            self.errors.append((type(error), str(error)))
        else:
            self.errors.append(None)

    def connect(self):
        """Try to send before accepting, then accept and send."""
        self.attempt({"type": "websocket.send", "text": "too early"})
        self.accept()
        self.send("after accept")

    def receive(self, text_data=None, bytes_data=None):
        """Try to send each invalid message, something valid, and more after the end."""
        for message in INVALID:
            self.attempt(message)
        self.send("still here")
        self.close(4000)
        self.attempt({"type": "websocket.send", "text": "too late"})
        self.attempt({"type": "websocket.send"})


async def test_what_cannot_be_sent_raises_where_it_is_sent(serve):
    """The errors are those that ``async_to_sync(send)`` raises, in the same place, before the
    handshake, on an open connection and after the close; the connection goes on.
    """
    told = []
    for way in (lambda application: application, through_middleware):
        errors = []

        class Noting(Careless):
            pass

        Noting.errors = errors
        engine = await serve(way(Noting.as_asgi()))
        async with engine.connect() as websocket:
            await websocket.send("go")
            assert await received(websocket) == (["after accept", "still here"], 4000)
        await engine.idle()
        told.append(errors)
    assert told[0] == told[1]
    early, *invalid, late, late_invalid = told[0]
    assert early[0] is RuntimeError
    assert [error[0] for error in invalid] == [
        ValueError,
        ValueError,
        ValueError,
        TypeError,
        UnicodeEncodeError,
        RuntimeError,
        KeyError,
    ]
    assert late is late_invalid is None


async def test_data_may_change_after_it_was_sent(serve):
    """What arrives is what was there when ``send()`` was called."""

    class Reusing(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            buffer = bytearray(b"before")
            self.send(bytes_data=buffer)
            buffer[:] = b"after!"

    engine = await serve(Reusing.as_asgi())
    async with engine.connect() as websocket:
        await websocket.send("go")
        assert await asyncio.wait_for(websocket.recv(), DEADLINE) == b"before"


async def test_on_the_loop_it_says_what_is_wrong(serve):
    """``send()`` in a coroutine is the error that it is with ``async_to_sync``, and sends
    nothing.
    """

    class Confused(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            with pytest.raises(RuntimeError, match="AsyncToSync"):
                async_to_sync(self.send_in_coroutine)()
            self.send("told")

        async def send_in_coroutine(self):
            self.send("from a coroutine")

    engine = await serve(Confused.as_asgi())
    async with engine.connect() as websocket:
        await websocket.send("go")
        assert await asyncio.wait_for(websocket.recv(), DEADLINE) == "told"


async def test_what_the_handler_has_done_on_the_loop_comes_after_its_message(serve):
    """A group message that a handler sends after a message of its own arrives after it."""

    class Member(WebsocketConsumer):
        groups = ["room"]

        def receive(self, text_data=None, bytes_data=None):
            self.send(f"own {text_data}")
            event = {"type": "room.message", "text": text_data}
            async_to_sync(self.channel_layer.group_send)("room", event)

        def room_message(self, event):
            self.send(f"group {event['text']}")

    engine = await serve(Member.as_asgi())
    async with engine.connect() as websocket:
        for number in range(50):
            await websocket.send(str(number))
        texts = [await asyncio.wait_for(websocket.recv(), DEADLINE) for _ in range(100)]
    for number in range(50):
        assert texts.index(f"own {number}") < texts.index(f"group {number}")


async def test_a_client_that_does_not_read(serve):
    """Then ``send()`` waits, with little kept; when the client reads again, all arrives, in
    order.
    """
    count = 100
    unsent, stopped = [0], threading.Event()

    class Stream(WebsocketConsumer):
        def connect(self):
            self.accept()
            connection = self.scope["extensions"]["channels_bridge"]["connection"]
            for number in range(count):
                self.send(bytes_data=b"%04d" % number + b"x" * (LENGTH - 4))
                unsent.append(connection.unsent)
            self.close()
            stopped.set()

    engine = await serve(Stream.as_asgi())
    engine.server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**14)
    client = await stalled_client(engine)
    await until(lambda: any(one.unsent > WRITE_HIGH_WATER for one in engine.context.connections))
    assert not stopped.is_set()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
    received = await _read_all(client)
    await until(stopped.is_set)
    assert 0 < max(unsent) <= WRITE_HIGH_WATER + 2 * (MESSAGES + 1) * LENGTH
    frames = received.partition(b"\r\n\r\n")[2]
    size = 4 + LENGTH  # a header of four bytes
    numbers = [frames[start + 4 : start + 8] for start in range(0, count * size, size)]
    assert numbers == [b"%04d" % number for number in range(count)]
    assert len(frames) == count * size + 4  # the close frame


async def _read_all(client):
    loop = asyncio.get_running_loop()
    received = b""
    while not received.endswith(b"\x88\x02\x03\xe8"):
        data = await asyncio.wait_for(loop.sock_recv(client, 2**20), DEADLINE)
        assert data
        received += data
    client.close()
    return received


@pytest.mark.parametrize("end", ["end", "shutdown", "abandon"])
async def test_what_was_sent_before_a_close_arrives_before_it(serve, end):
    """A message that a thread has sent is written though the server closes the connection before
    the loop has looked for it; what it sends afterwards is dropped without an error.
    """
    sent, closed, finished = threading.Event(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Sending(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            self.send("before")
            sent.set()
            closed.wait(DEADLINE)
            self.send("after")
            loop.call_soon_threadsafe(finished.set)

    engine = await serve(Sending.as_asgi())
    async with engine.connect() as websocket:
        (connection,) = engine.context.connections
        inbox = connection.inbox
        inbox.put_event({"type": "websocket.receive", "text": "go"})
        for _ in range(1000 * DEADLINE):
            await asyncio.sleep(0)
            # Keeps the loop from looking at what the thread has sent.
            if sent.wait(0.001):
                break
        arguments = {"end": (4000, "kicked"), "abandon": (4000, "kicked"), "shutdown": ()}[end]
        getattr(connection, end)(*arguments)
        closed.set()
        code = 1001 if end == "shutdown" else 4000
        assert await received(websocket) == (["before"], code)
        await asyncio.wait_for(finished.wait(), DEADLINE)


async def test_a_client_that_leaves_while_a_thread_sends(serve, caplog):
    """Whenever it leaves, the handler goes on without an error, and ``disconnect()`` runs once."""
    codes = []

    class Endless(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            connection = self.scope["extensions"]["channels_bridge"]["connection"]
            while connection.state.name == "OPEN":
                self.send("more")
            for _ in range(2 * MESSAGES):
                self.send("into nothing")

        def disconnect(self, code):
            codes.append(code)

    engine = await serve(Endless.as_asgi())
    for count in range(5):
        async with engine.connect(max_queue=None) as websocket:
            await websocket.send("go")
            for _ in range(count * MESSAGES):
                await websocket.recv()
    await engine.idle()
    assert codes == [1000] * 5
    assert not caplog.records
