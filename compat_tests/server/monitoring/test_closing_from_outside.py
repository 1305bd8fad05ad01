"""Closing connections from outside: of a user, to a path, with a channel name."""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import override_settings
from websockets.exceptions import InvalidStatus

from channels_bridge.connections import close
from channels_bridge.consumers import BaseConsumer
from channels_bridge.layers import get_channel_layer
from channels_bridge.native.native_application import NativeApplication
from channels_bridge.runloop import consumer_loop, registry
from channels_bridge.testing import using_hub
from compat_tests.parity.site import USER
from compat_tests.servers import wait_for


@pytest.fixture
def cookie(site):
    """The session cookie of a user who has logged in."""
    status, headers = site.post("/login/", urlencode(USER))
    assert status == 200
    return headers["Set-Cookie"].partition(";")[0]


def closed(client):
    """The code and reason that a client was closed with."""
    with pytest.raises(Exception, match="received 4001") as caught:
        client.recv(timeout=20)
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_all_of_a_user(site, cookie):
    """A user's connections are closed on all workers, from another process; others stay open."""
    with ExitStack() as stack:
        theirs = [
            stack.enter_context(site.connect(f"/echo/?id=theirs{number}", Cookie=cookie))
            for number in range(4)
        ]
        other = stack.enter_context(site.connect("/echo/"))
        assert {client["user"] for client in site.status()["slowest"]} == {"1", None}
        options = ["--code", "4001", "--reason", "logged out"]
        printed = site.manage("websockets_close", "--user", "1", *options)
        assert printed == "4 connections closed\n"
        assert [closed(client) for client in theirs] == [(4001, "logged out")] * 4
        other.send("still here")
        assert other.recv() == "still here"
    for number in range(4):
        assert wait_for(lambda number=number: site.disconnects(f"theirs{number}") == [4001], 20)
    assert site.manage("websockets_close", "--user", "1") == "0 connections closed\n"


def test_one_channel_and_one_path(site):
    """A consumer's channel name means one connection, a path all that lead there."""
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(site.connect("/direct/")) for _ in range(3))
        name, *_ = (json.loads(client.recv())["channel"] for client in (first, second, third))
        printed = site.manage("websockets_close", "--channel", name, "--code", "4001")
        assert printed == "1 connection closed\n"
        assert closed(first) == (4001, "")
        printed = site.manage("websockets_close", "--path", "/direct/", "--code", "4001")
        assert printed == "2 connections closed\n"
        assert closed(second) == closed(third) == (4001, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say which connections"),
        (["--user", "1", "--code", "1006"], "cannot close with code 1006"),
        (["--user", "1", "--reason", "x" * 124], "longer than 123 bytes"),
    ],
)
def test_mistakes(arguments, words):
    """What can't be meant or sent is an error that says why."""
    options = dict(zip((name[2:] for name in arguments[::2]), arguments[1::2], strict=True))
    options |= {"code": int(options["code"])} if "code" in options else {}
    with pytest.raises(ValueError, match=words):
        close(**options)


def test_anonymous_users():
    """Nobody's connections are not everybody's."""
    with pytest.raises(ValueError, match="has no primary key"):
        close(user=AnonymousUser(), path="/chat/")


def test_another_layer():
    """Under another package's layer the error says what to set."""
    layers = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    with (
        override_settings(CHANNEL_LAYERS=layers),
        pytest.raises(ImproperlyConfigured, match="Grpc"),
    ):
        close(user=1)


def test_command_under_another_layer():
    """The command says the same where its layer reaches no server."""
    with pytest.raises(CommandError, match="reaches no server"):
        call_command("websockets_close", "--user", "1")


def test_without_a_server(socket_dir):
    """The command says that no server runs; in a project's tests nobody has a connection."""
    backend = "channels_bridge.layers.GrpcChannelLayer"
    address = {"address": f"unix:{socket_dir}/groups.sock"}
    layers = {"default": {"BACKEND": backend, "CONFIG": address}}
    with override_settings(CHANNEL_LAYERS=layers):
        assert close(user=1) == 0
        with using_hub(), pytest.raises(CommandError, match="no hub runs there: .*no such socket"):
            call_command("websockets_close", "--user", "1")
        async_to_sync(get_channel_layer().close)()


async def test_native_connections(serve):
    """Native consumers' connections are known by the user that a middleware has found."""

    class Middleware:
        async def __call__(self, websocket, call_next):
            websocket.scope["user"] = SimpleNamespace(pk=7)
            websocket.handler = Echo.as_handler()
            await call_next(websocket)

    class Echo(BaseConsumer):
        async def receive(self, text_data):
            await self.send(text_data)

        async def disconnect(self, code):
            codes.append(code)

    codes = []
    question = {"path": None, "channel": None, "code": 4001, "reason": ""}
    engine = await serve(NativeApplication([Middleware()]))
    async with engine.connect() as client:
        await client.send("hello")
        await client.recv()
        assert registry.close({**question, "user": "8"}) == 0
        assert registry.close({**question, "user": "7"}) == 1
        await client.wait_closed()
        assert client.close_code == 4001
    await engine.idle()
    assert codes == [4001]
    assert registry.close({**question, "user": "7"}) == 0


async def test_undecided_handshake(serve):
    """A connection that isn't accepted yet is denied."""

    class Waiting(AsyncWebsocketConsumer):
        async def connect(self):
            question = {"user": None, "channel": None, "path": "/wait/"}
            assert registry.close({**question, "code": 4001, "reason": ""}) == 1

        async def disconnect(self, code):
            codes.append(code)

    codes = []
    consumer_loop.install()
    engine = await serve(Waiting.as_asgi())
    with pytest.raises(InvalidStatus, match="403"):
        await engine.connect("/wait/").__aenter__()
    await engine.idle()
    assert codes == [1006]
