"""The middleware that finds the handler for a path."""

from __future__ import annotations

import pytest
from channels.testing import WebsocketCommunicator
from django.urls import include, path, re_path

from channels_bridge.native import get_native_application
from compat_tests.native.test_middlewares import Witness


async def matched(routes, urlpattern, url, root_path=""):
    """The captured arguments of a connection, or None if it found no handler."""
    seen = []
    routes(urlpattern(Witness.as_handler(seen=seen)))
    websocket = WebsocketCommunicator(get_native_application(), url)
    websocket.scope["root_path"] = root_path
    websocket.scope["extensions"] = {"websocket.http.response": {}}
    await websocket.send_input({"type": "websocket.connect"})
    answer = await websocket.receive_output()
    if answer["type"] == "websocket.accept":
        await websocket.disconnect()
        return seen[0]["url_route"]
    assert answer["status"] == 404
    body = await websocket.receive_output()
    assert body["body"].decode() == f"no WebSocket route for {websocket.scope['path']}\n"
    return None


@pytest.mark.parametrize(
    ("urlpattern", "url", "kwargs"),
    [
        (lambda view: path("ws/chat/", view), "/ws/chat/", {}),
        (lambda view: path("/ws/chat/", view), "/ws/chat/", {}),
        (lambda view: path("ws/<slug:room>/", view), "/ws/lobby/", {"room": "lobby"}),
        (lambda view: path("ws/<int:number>/", view), "/ws/12/", {"number": 12}),
        (lambda view: path("ws/", view, {"room": "lobby"}), "/ws/", {"room": "lobby"}),
        (lambda view: re_path(r"/ws/internalchat/?$", view), "/ws/internalchat", {}),
        (lambda view: re_path(r"/ws/internalchat/?$", view), "/ws/internalchat/", {}),
        (lambda view: re_path(r"^ws/(?P<room>\w+)/$", view), "/ws/lobby/", {"room": "lobby"}),
        (lambda view: re_path(r"^/ws/(?P<room>\w+)/$", view), "/ws/lobby/", {"room": "lobby"}),
        (lambda view: path("ws/", include([path("<slug:room>/", view)])), "/ws/a/", {"room": "a"}),
        (lambda view: path("/ws/", include([path("<slug:room>/", view)])), "/ws/a/", {"room": "a"}),
    ],
)
async def test_route(routes, urlpattern, url, kwargs):
    """Patterns match with and without their leading slash, and tell what they captured."""
    assert await matched(routes, urlpattern, url) == {"args": (), "kwargs": kwargs}


async def test_route_arguments(routes):
    """Unnamed groups are positional arguments, as in Django."""
    route = await matched(routes, lambda view: re_path(r"^ws/(\w+)/(\w+)/$", view), "/ws/a/b/")
    assert route == {"args": ("a", "b"), "kwargs": {}}


@pytest.mark.parametrize(
    ("urlpattern", "url"),
    [
        (lambda view: path("ws/chat/", view), "/ws/other/"),
        (lambda view: path("ws/chat/", view), "/"),
        (lambda view: path("ws/<int:number>/", view), "/ws/twelve/"),
        (lambda view: re_path(r"/ws/internalchat/?$", view), "/ws/internalchat/more"),
        (lambda view: path("ws/", include([path("chat/", view)])), "/ws/other/"),
    ],
)
async def test_no_route(routes, urlpattern, url):
    """A path without a handler is answered 404."""
    assert await matched(routes, urlpattern, url) is None


async def test_root_path(routes):
    """Patterns match what comes after the root path; outside of it there is nothing."""
    found = await matched(routes, lambda view: path("ws/", view), "/site/ws/", root_path="/site")
    assert found == {"args": (), "kwargs": {}}
    assert await matched(routes, lambda view: path("ws/", view), "/ws/", root_path="/site") is None


async def test_first_route_wins(routes):
    """The first pattern that matches is taken, with or without its slash."""
    first, second = [], []
    routes(
        path("/ws/lobby/", Witness.as_handler(seen=first)),
        path("ws/<slug:room>/", Witness.as_handler(seen=second)),
    )
    websocket = WebsocketCommunicator(get_native_application(), "/ws/lobby/")
    await websocket.connect()
    await websocket.disconnect()
    assert (len(first), len(second)) == (1, 0)
