"""The native application, built from settings."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from channels.testing import WebsocketCommunicator
from django.core.exceptions import ImproperlyConfigured
from django.urls import path

from channels_bridge.consumers import BaseConsumer
from channels_bridge.native import get_native_application

HERE = "compat_tests.native.test_native_application"
order: list[str] = []


class First:
    """A middleware that counts its instances, and notes when it begins and ends."""

    made = 0

    def __init__(self):
        type(self).made += 1

    async def __call__(self, websocket, call_next):
        order.append("first in")
        await call_next(websocket)
        order.append("first out")


class Second:
    """A middleware that notes what the route has captured."""

    async def __call__(self, websocket, call_next):
        order.append(f"second: {websocket.scope['url_route']['kwargs']}")
        await call_next(websocket)


class Guard:
    async def __call__(self, websocket, call_next):
        await websocket.reject(401, "who are you?")


class Silent(BaseConsumer):
    pass


def not_a_class():
    pass


async def test_middlewares_in_order(routes, settings):
    """Middlewares are made once, and called for each connection in the order of the setting."""
    order.clear()
    First.made = 0
    settings.WEBSOCKET_MIDDLEWARE = [
        f"{HERE}.First",
        "channels_bridge.middlewares.route.RouteMiddleware",
        f"{HERE}.Second",
    ]
    routes(path("ws/<slug:room>/", Silent.as_handler()))
    application = get_native_application()
    for room in ("a", "b"):
        websocket = WebsocketCommunicator(application, f"/ws/{room}/")
        await websocket.connect()
        await websocket.disconnect()
    assert First.made == 1
    assert order == [
        "first in",
        "second: {'room': 'a'}",
        "first out",
        "first in",
        "second: {'room': 'b'}",
        "first out",
    ]


async def test_middleware_may_refuse(routes, settings):
    """A middleware may answer the handshake itself, with any HTTP status."""
    settings.WEBSOCKET_MIDDLEWARE = [f"{HERE}.Guard"]
    websocket = WebsocketCommunicator(get_native_application(), "/ws/")
    websocket.scope["extensions"] = {"websocket.http.response": {}}
    await websocket.send_input({"type": "websocket.connect"})
    start, body = await websocket.receive_output(), await websocket.receive_output()
    await websocket.wait()
    assert (start["status"], body["body"]) == (401, b"who are you?")


async def test_refusal_without_denial_response(routes, settings):
    """Where the server knows no denial responses, a refusal is its 403."""
    settings.WEBSOCKET_MIDDLEWARE = [f"{HERE}.Guard"]
    websocket = WebsocketCommunicator(get_native_application(), "/ws/")
    assert (await websocket.connect())[0] is False
    await websocket.wait()


async def test_client_gone_before_connect(routes):
    """A client that leaves before its handshake is looked at reaches no middleware."""
    routes()
    websocket = WebsocketCommunicator(get_native_application(), "/ws/")
    await websocket.send_input({"type": "websocket.disconnect", "code": 1006})
    await websocket.wait()
    assert await websocket.receive_nothing()


async def test_receive_fails(client):
    """An error of the server's receive() ends the consumer, and is not swallowed."""
    codes = []

    class Ending(BaseConsumer):
        async def disconnect(self, code):
            codes.append(code)

    events = [{"type": "websocket.connect"}]

    async def receive():
        if events:
            return events.pop()
        raise ZeroDivisionError("receive")

    async def send(message):
        pass

    websocket = client(Ending)
    with pytest.raises(ZeroDivisionError, match="receive"):
        await websocket.application(websocket.scope, receive, send)
    assert codes == [1006]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "WEBSOCKET_ROUTE_MODULE is not set; write WEBSOCKET_ROUTE_MODULE = "),
        ("", "WEBSOCKET_ROUTE_MODULE is not set; write WEBSOCKET_ROUTE_MODULE = "),
        ("no_such_project.routing", "there is no module 'no_such_project.routing'; write "),
        ("compat_tests.no_such_routing", "there is no module 'compat_tests.no_such_routing'"),
        (HERE, f"'{HERE}' has no list 'urlpatterns'; write "),
    ],
)
def test_route_module(settings, value, text):
    """A missing or misspelt route module is told at the start, with what to write."""
    settings.WEBSOCKET_ROUTE_MODULE = value
    with pytest.raises(ImproperlyConfigured, match=text):
        get_native_application()


def test_broken_route_module(settings, monkeypatch, tmp_path):
    """An import error inside the route module is not taken for a missing module."""
    (tmp_path / "broken_routing.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings.WEBSOCKET_ROUTE_MODULE = "broken_routing"
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        get_native_application()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (f"{HERE}.First", "WEBSOCKET_MIDDLEWARE must be a list of dotted paths, such as "),
        (None, "WEBSOCKET_MIDDLEWARE must be a list of dotted paths, such as "),
        (["nodots"], "cannot import 'nodots'"),
        ([f"{HERE}.Frist"], f"cannot import '{HERE}.Frist' .* write the dotted path of a class"),
        ([f"{HERE}.not_a_class"], "is not a class; write one with 'async def __call__"),
    ],
)
def test_middleware_setting(settings, value, text):
    """A wrong entry of WEBSOCKET_MIDDLEWARE is told at the start, with what to write."""
    settings.WEBSOCKET_MIDDLEWARE = value
    with pytest.raises(ImproperlyConfigured, match=text):
        get_native_application()


def test_empty_route_module(settings, monkeypatch):
    """A route module may have no routes yet."""
    module = ModuleType("empty_routing")
    module.urlpatterns = []
    monkeypatch.setitem(sys.modules, "empty_routing", module)
    settings.WEBSOCKET_ROUTE_MODULE = "empty_routing"
    assert get_native_application() is not None
