"""What Channels adds: routers, middlewares, consumers, and their messages through the layer."""

from __future__ import annotations

import asyncio
import json
import threading

from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator, OriginValidator
from channels.sessions import SessionMiddlewareStack
from django.urls import path, re_path

from compat_tests.differences.client import Client
from compat_tests.differences.limits import LITTLE_PATIENCE, TOO_LONG
from compat_tests.differences.recording import note
from compat_tests.differences.scenario import Like, Own, Scenario
from compat_tests.differences.scenarios.choices import CANCELLED, CODE, GOODBYE, NOT_FOUND
from compat_tests.differences.scenarios.clients import handshake, leaves, says
from compat_tests.differences.scenarios.consumers import Noting, SyncNoting


class Raising(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        raise RuntimeError("in receive")


class SyncRaising(SyncNoting):
    def receive(self, text_data=None, bytes_data=None):
        raise RuntimeError("in receive")


class RaisingInDisconnect(Noting):
    async def disconnect(self, code):
        await super().disconnect(code)
        raise RuntimeError("in disconnect")


class RaisingInHandler(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.send(self.channel_name, {"type": "room.message"})

    async def room_message(self, event):
        raise RuntimeError("in a handler")


class SyncRaisingInHandler(SyncNoting):
    def receive(self, text_data=None, bytes_data=None):
        async_to_sync(self.channel_layer.send)(self.channel_name, {"type": "room.message"})

    def room_message(self, event):
        raise RuntimeError("in a handler")


class SendsItself(Noting):
    """Sends a message to its own channel."""

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.send(self.channel_name, json.loads(text_data))


class Json(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content, **kwargs):
        await self.send_json({"got": content})

    async def disconnect(self, code):
        note("events", ["disconnect()", code])


class SyncJson(JsonWebsocketConsumer):
    def receive_json(self, content, **kwargs):
        self.send_json({"got": content})

    def disconnect(self, code):
        note("events", ["disconnect()", code])


class Stopping(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        raise StopConsumer


class LastWord(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send("bye", close=json.loads(text_data))


class ClosingWithReason(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        await self.close(4001, "enough")


class SlowlyDisconnecting(Noting):
    """Takes longer to disconnect than servers let it."""

    async def disconnect(self, code):
        await super().disconnect(code)
        await asyncio.sleep(TOO_LONG)
        note("events", ["done"])


class LeavingGroups(Noting):
    groups = ["left"]

    async def disconnect(self, code):
        await super().disconnect(code)
        await self.channel_layer.group_send("left", {"type": "hello"})

    async def hello(self, event):
        note("events", ["hello"])


class Serial(Noting):
    """Says how many messages it handles at once; each also sends one through the layer."""

    handling = 0

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.send(self.channel_name, {"type": "room.message"})
        await self.work("client")

    async def room_message(self, event):
        await self.work("layer")

    async def work(self, who):
        self.handling += 1
        await asyncio.sleep(0.01)
        note("at once", self.handling)
        self.handling -= 1
        await self.send("done")


class Counting(Noting):
    """Counts its connections: each has an instance of its own."""

    count = 0

    def __init__(self, *args, start=0, **kwargs):
        super().__init__(*args, **kwargs)
        self.count = start

    async def connect(self):
        self.count += 1
        await self.accept()
        await self.send(str(self.count))


class TellingAttributes(Noting):
    async def connect(self):
        await self.accept()
        note("attributes", [self.channel_layer_alias, self.groups, "path" in self.scope])
        note("attributes", ["!" in self.channel_name, self.channel_layer is not None])


class InThread(SyncNoting):
    def connect(self):
        self.accept()
        note("main thread", threading.current_thread() is threading.main_thread())
        self.send("from a thread")


class SendingNothing(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send()


class TellingRoute(Noting):
    async def connect(self):
        note("url_route", self.scope["url_route"])
        note("path_remaining", self.scope["path_remaining"])
        await self.accept()


class TellingUser(Noting):
    async def connect(self):
        note("user", [type(self.scope["user"]).__name__, self.scope["user"].is_anonymous])
        note("cookies", self.scope["cookies"])
        note("session", type(self.scope["session"]).__name__)
        note("keys", sorted(set(self.scope) & {"cookies", "session", "user", "url_route"}))
        await self.accept()


class ChangingSession(Noting):
    async def connect(self):
        self.scope["session"]["seen"] = True
        await self.accept()


class Page(AsyncHttpConsumer):
    async def handle(self, body):
        note("events", ["body", body])
        await self.send_response(201, b"made", headers=[(b"X-Page", b"yes")])

    async def disconnect(self):
        note("events", ["disconnect()"])


class Stream(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_headers(headers=[(b"Content-Type", b"text/event-stream")])
        for number in range(3):
            await self.send_body(b"data: %d\n\n" % number, more_body=True)
        await self.send_body(b"")


def http(method: str = "POST", body: bytes = b"", *keep: str):
    """Make one request."""

    async def client(client: Client) -> None:
        lines = [
            f"{method} /{client.name}/ HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        await client.request("\r\n".join([*lines, "", ""]).encode() + body)
        await client.answer(keep)

    return client


numbered = URLRouter(
    [
        path("never/", Noting.as_asgi()),
        path("<int:number>/", TellingRoute.as_asgi()),
        re_path(r"^(\d+)/(\d+)/$", TellingRoute.as_asgi()),
    ]
)


def nested(name: str) -> URLRouter:
    """The second router has the route that the first one hasn't."""
    return URLRouter(
        [
            path(f"{name}/<slug:section>/", URLRouter([path("elsewhere/", Noting.as_asgi())])),
            path(f"{name}/<slug:section>/", numbered),
        ]
    )


async def connects_twice(client: Client) -> None:
    await client.connect()
    await client.receive()
    second = client.another()
    await second.connect()
    client.outcome["second"] = await second.receive()
    await second.close()
    await client.close()


def from_origin(origin: str | None):
    return leaves(headers=[("Origin", origin)] if origin else [])


HOSTS = AllowedHostsOriginValidator(Noting.as_asgi())

SCENARIOS = [
    # Failures
    Scenario(
        name="raise-in-receive",
        covers="A16",
        application=Raising.as_asgi(),
        client=says("x"),
        choices=(
            CODE,
            GOODBYE,
        ),
    ),
    Scenario(
        name="raise-in-receive-sync",
        covers="A16 C4",
        application=SyncRaising.as_asgi(),
        client=says("x"),
        choices=(
            CODE,
            GOODBYE,
        ),
    ),
    Scenario(
        name="raise-in-disconnect",
        covers="A16",
        application=RaisingInDisconnect.as_asgi(),
        client=leaves(),
    ),
    Scenario(
        name="raise-in-handler",
        covers="A16",
        application=RaisingInHandler.as_asgi(),
        client=says("x"),
        choices=(
            CODE,
            GOODBYE,
        ),
    ),
    Scenario(
        name="raise-in-handler-sync",
        covers="A16 C4",
        application=SyncRaisingInHandler.as_asgi(),
        client=says("x"),
        choices=(
            CODE,
            GOODBYE,
        ),
    ),
    *(
        Scenario(
            name=f"message-{name}",
            covers="A16 C1",
            application=SendsItself.as_asgi(),
            client=says(json.dumps(message)),
            choices=(CODE, GOODBYE),
        )
        for name, message in [
            ("unknown-type", {"type": "no.such.handler"}),
            ("private-type", {"type": "_private"}),
            ("without-type", {"text": "x"}),
        ]
    ),
    *(
        Scenario(
            name=f"json-{name}{suffix}",
            covers="A16 C6",
            application=consumer.as_asgi(),
            client=says(message),
            choices=(CODE, GOODBYE),
        )
        for suffix, consumer in [("", Json), ("-sync", SyncJson)]
        for name, message in [("bad", "{"), ("binary", b"{}"), ("empty", "")]
    ),
    Scenario(
        name="json",
        covers="C6",
        application=Json.as_asgi(),
        client=leaves('{"a": [1, null, "ü"]}', receive=1),
    ),
    Scenario(
        name="stop-consumer",
        covers="A17",
        application=Stopping.as_asgi(),
        client=says("x", patience=LITTLE_PATIENCE),
        choices=(Own("After `StopConsumer` outside of `disconnect()`", {"close": [1000, ""]}),),
    ),
    Scenario(
        name="send-nothing",
        covers="C5",
        application=SendingNothing.as_asgi(),
        client=says("x"),
        choices=(
            CODE,
            GOODBYE,
        ),
    ),
    # Closing
    Scenario(
        name="send-and-close",
        covers="A18",
        application=LastWord.as_asgi(),
        client=says("true", receive=1),
    ),
    Scenario(
        name="send-and-close-4444",
        covers="A18",
        application=LastWord.as_asgi(),
        client=says("4444", receive=1),
    ),
    Scenario(
        name="close-with-reason",
        covers="C5",
        application=ClosingWithReason.as_asgi(),
        client=says("x"),
        choices=(Like("uvicorn", "close", "the consumer gave a reason"),),
    ),
    Scenario(name="disconnect-code", covers="A19", application=Noting.as_asgi(), client=leaves()),
    Scenario(
        name="slow-disconnect",
        covers="A20",
        application=SlowlyDisconnecting.as_asgi(),
        client=leaves(),
        choices=(
            CANCELLED,
            Like("daphne", "events", "as above"),
        ),
    ),
    Scenario(
        name="groups-are-left",
        covers="A21",
        application=LeavingGroups.as_asgi(),
        client=leaves(),
    ),
    # One at a time, one instance each
    Scenario(
        name="one-at-a-time",
        covers="A22",
        application=Serial.as_asgi(),
        client=leaves("1", "2", "3", receive=6),
    ),
    Scenario(
        name="instances",
        covers="C2",
        application=Counting.as_asgi(start=10),
        client=connects_twice,
    ),
    Scenario(
        name="attributes", covers="C3", application=TellingAttributes.as_asgi(), client=leaves()
    ),
    Scenario(name="thread", covers="C4", application=InThread.as_asgi(), client=leaves(receive=1)),
    # Routing
    Scenario(
        name="no-application",
        covers="R1",
        application=ProtocolTypeRouter({}),
        client=handshake,
    ),
    Scenario(
        name="nested-kwargs",
        covers="R2 R4 R6 S7",
        application=nested("nested-kwargs"),
        client=leaves(path="/attic/7/"),
    ),
    Scenario(
        name="nested-args",
        covers="R4 S7",
        application=nested("nested-args"),
        client=leaves(path="/attic/3/4/"),
    ),
    Scenario(
        name="nested-no-route",
        covers="R2",
        application=nested("nested-no-route"),
        client=handshake,
        choices=(NOT_FOUND,),
    ),
    # Middlewares
    Scenario(
        name="auth",
        covers="S7 O4",
        application=AuthMiddlewareStack(TellingUser.as_asgi()),
        client=leaves(headers=[("Cookie", "a=1; b=two")]),
    ),
    Scenario(
        name="session-not-saved",
        covers="O3",
        application=SessionMiddlewareStack(ChangingSession.as_asgi()),
        client=leaves(keep=["set-cookie"]),
    ),
    Scenario(name="no-origin", covers="O1", application=HOSTS, client=from_origin(None)),
    Scenario(
        name="foreign-origin",
        covers="O1",
        application=HOSTS,
        client=from_origin("http://evil.example"),
    ),
    Scenario(
        name="own-origin",
        covers="O1 O2",
        application=HOSTS,
        client=from_origin("http://localhost:8000"),
    ),
    Scenario(
        name="any-origin",
        covers="O1",
        application=OriginValidator(Noting.as_asgi(), ["*"]),
        client=from_origin(None),
    ),
    # HTTP
    Scenario(
        name="http-consumer",
        covers="C7",
        application=Page.as_asgi(),
        client=http("POST", b"x" * 100_000, "x-page"),
    ),
    Scenario(
        name="http-stream",
        covers="C7",
        application=Stream.as_asgi(),
        client=http("GET", b"", "content-type"),
    ),
]
