"""Routes that lead nowhere, and what is said of them at the start and when a path isn't found."""

from __future__ import annotations

import pytest
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.handlers.asgi import ASGIHandler
from django.urls import path, re_path

from channels_bridge.project.route_hints import find_router, mistakes, path_meant


class Chat(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()


class SyncChat(WebsocketConsumer):
    def connect(self):
        self.accept()


class AsyncConnect(WebsocketConsumer):
    async def connect(self):
        """Nothing awaits it."""


class OwnDispatch(AsyncConnect):
    async def dispatch(self, message):
        """It may await what it likes."""


def wrap(*routes):
    """An application as Channels' tutorial has it."""
    stack = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(list(routes))))
    return ProtocolTypeRouter({"http": ASGIHandler(), "websocket": stack})


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (path("ws/<room>/", Chat.as_asgi()), None),
        (path("ws/", SyncChat.as_asgi()), None),
        (path("ws/", OwnDispatch.as_asgi()), None),
        (path("ws/", Chat), "the route 'ws/' leads to a class: write Chat.as_asgi()"),
        (path("/ws/", Chat.as_asgi()), "the route '/ws/' never matches, as there is no slash"),
        (re_path(r"^/ws/(\w+)/$", Chat.as_asgi()), r"paths: write '^ws/(\w+)/$'"),
        (re_path(r"^/?ws/$", Chat.as_asgi()), None),
        (re_path(r"/ws/$", Chat.as_asgi()), None),  # something may stand before it
        (path("in/", URLRouter([path("/ws/", Chat.as_asgi())])), "'/ws/' never matches"),
        (path("ws/", AsyncConnect.as_asgi()), "AsyncConnect.connect() is async, but nothing"),
    ],
)
def test_mistakes_of_routes(route, words):
    """Each mistake is one line, and correct routes have none."""
    found = list(mistakes(wrap(path("other/", Chat.as_asgi()), route)))
    assert len(found) == (words is not None)
    assert words is None or words in found[0]


def test_no_router():
    """Without routes there is something to be said, too."""
    router = ProtocolTypeRouter({"websocket": Chat})
    assert list(mistakes(router)) == [
        "the 'websocket' entry of ProtocolTypeRouter leads to a class: write Chat.as_asgi()"
    ]
    assert list(mistakes(Chat)) == ["ASGI_APPLICATION leads to a class: write Chat.as_asgi()"]
    assert find_router(router) is None
    assert path_meant(None, "/ws/") is None


def test_applications_that_lead_to_themselves():
    """What is looked into ends, whatever it is."""
    router = URLRouter([])
    router.routes = [path("ws/", router)]
    assert list(mistakes(router)) == []

    class Endless:
        def __init__(self, depth):
            self.inner = Endless(depth - 1) if depth else router

        def __getattr__(self, name):
            raise AssertionError("an attribute may do anything")

    assert find_router(Endless(5)) is router
    assert list(mistakes(Endless(5))) == []


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/ws/chat", "/ws/chat/"),
        ("/ws/plain/", "/ws/plain"),
        ("/ws/chats", None),
        ("/in/chat", None),  # which is a nested router's
        ("/", None),
        ("", None),
    ],
)
def test_slash_at_the_end(asked, meant):
    """A path that has a slash too much at its end, or lacks it, is taken for the one it is."""
    router = find_router(
        wrap(
            path("ws/chat/", Chat.as_asgi()),
            path("ws/plain", Chat.as_asgi()),
            path("in/", URLRouter([path("chat/", Chat.as_asgi())])),
        )
    )
    assert path_meant(router, asked) == meant
