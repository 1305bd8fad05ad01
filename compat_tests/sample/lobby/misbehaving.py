"""Consumers and ASGI applications that do what none should."""

import asyncio
import mmap

from asgiref.sync import async_to_sync
from channels.exceptions import DenyConnection, StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from lobby.events import record


class RecordingConsumer(AsyncWebsocketConsumer):
    async def disconnect(self, code):
        record(self.scope, "disconnect", code=code)


class DenyingConsumer(RecordingConsumer):
    async def connect(self):
        raise DenyConnection


class ClosingConsumer(RecordingConsumer):
    async def connect(self):
        await self.close(4001)


class UndecidedConsumer(RecordingConsumer):
    async def connect(self):
        record(self.scope, "connect")


class StoppingConsumer(RecordingConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        raise StopConsumer


class SendingAfterCloseConsumer(RecordingConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.close(4002)
        await self.send("too late")


class SyncSendingAfterCloseConsumer(WebsocketConsumer):
    """Closes, and sends nevertheless."""

    def receive(self, text_data=None, bytes_data=None):
        self.close(4002)
        self.send("too late")

    def disconnect(self, code):
        record(self.scope, "disconnect", code=code)


class SendingAfterLeaveConsumer(AsyncWebsocketConsumer):
    """Goes on sending after its client has left, as a consumer that follows some source would."""

    async def disconnect(self, code):
        record(self.scope, "disconnect", code=code)
        for _ in range(3):
            await self.send("anybody there?")
        record(self.scope, "sent")


class TextAndBytesConsumer(RecordingConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.base_send({"type": "websocket.send", "text": "a", "bytes": b"b"})


class BadCloseCodeConsumer(RecordingConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.close(1006)


class RaisingConsumer(AsyncWebsocketConsumer):
    """Raises in the handler that its URL names."""

    def act(self, where):
        if self.scope["url_route"]["kwargs"]["where"] == where:
            raise RuntimeError(f"raised in {where}")

    async def connect(self):
        self.act("connect")
        await self.channel_layer.group_add("raisers", self.channel_name)
        await self.accept()
        self.act("accepted")

    async def receive(self, text_data=None, bytes_data=None):
        """Fail in the handler that the client has named, or echo."""
        self.act("receive")
        if text_data == "unknown":
            await self.channel_layer.send(self.channel_name, {"type": "no.such.handler"})
        elif text_data == "group":
            await self.channel_layer.send(self.channel_name, {"type": "room.message"})
        else:
            await self.send(text_data)

    async def room_message(self, event):
        self.act("handler")

    async def disconnect(self, code):
        record(self.scope, "disconnect", code=code)
        self.act("disconnect")


class SyncRaisingConsumer(WebsocketConsumer):
    """The same, synchronously."""

    def act(self, where):
        if self.scope["url_route"]["kwargs"]["where"] == where:
            raise RuntimeError(f"raised in {where}")

    def connect(self):
        self.act("connect")
        self.accept()
        self.act("accepted")

    def receive(self, text_data=None, bytes_data=None):
        """The same, synchronous."""
        self.act("receive")
        if text_data == "group":
            send = async_to_sync(self.channel_layer.send)
            send(self.channel_name, {"type": "room.message"})
        else:
            self.send(text_data)

    def room_message(self, event):
        self.act("handler")

    def disconnect(self, code):
        record(self.scope, "disconnect", code=code)
        self.act("disconnect")


class HoardingConsumer(RecordingConsumer):
    """Holds 10 MB and thousands of objects in cycles of several shapes, and lets go of none."""

    async def receive(self, text_data=None, bytes_data=None):
        """Hold much memory in cycles, one of them by way of a traceback."""
        self.scope["hoard"] = self
        self.items = [{"of": self, "number": [number]} for number in range(4000)]
        # Not from the allocator, which may keep what is free.
        held = mmap.mmap(-1, 10_000_000)
        for page in range(0, len(held), mmap.PAGESIZE):
            held[page] = 1
        self.task = asyncio.ensure_future(self.fail(held))
        await asyncio.wait([self.task])
        self.error = self.task.exception()  # whose traceback refers to what the task held
        await self.send("held")

    async def fail(self, held):
        raise RuntimeError("which nobody handles")


async def denial_response(scope, receive, send):
    """Refuses the handshake with a page of its own, by the ASGI extension for it."""
    await receive()
    headers = [(b"content-type", b"text/plain"), (b"x-why", b"full")]
    await send({"type": "websocket.http.response.start", "status": 418, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"no seat ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"left"})


async def returns_before_deciding(scope, receive, send):
    await receive()


async def returns_after_accepting(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.sleep(0)
