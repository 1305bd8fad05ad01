"""``event_stream()`` and ``position()`` without a server, as a project's own tests call them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.template.backends.django import DjangoTemplates
from django.test import AsyncClient, AsyncRequestFactory, RequestFactory, override_settings
from django.urls import path

from channels_bridge.event_stream import event_stream
from channels_bridge.history import ahistory, aposition, history, position
from channels_bridge.layers import get_channel_layer
from channels_bridge.runloop import registry
from compat_tests.event_stream.event_source import EventSource

CONFIG = {
    "history": {"news.*": {"messages": 5}},
    "presence": {"news.*": {"linger": 0}},
    "capacity": 4,
}
LOCAL = {"BACKEND": "channels_bridge.layers.LocalChannelLayer"}
LAYERS = {"default": {**LOCAL, "CONFIG": CONFIG}, "plain": {**LOCAL}}
DEADLINE = 30.0

GET = AsyncRequestFactory().get("/")


@pytest.fixture(autouse=True)
def layers() -> Any:
    """A layer with history, and one without."""
    with override_settings(CHANNEL_LAYERS=LAYERS):
        yield


def text_of(message: dict[str, Any]) -> str:
    return message["text"]


def asking(last_event_id: str) -> Any:
    """A request of a client that comes back."""
    return AsyncRequestFactory().get("/", headers={"Last-Event-ID": last_event_id})


async def news(request: Any) -> Any:
    return event_stream(request, ["news.a"], text_of)


urlpatterns = [path("news/stream/", news)]


async def send(text: str, group: str = "news.a", alias: str = "default") -> None:
    await get_channel_layer(alias).group_send(group, {"type": "news", "text": text})


class Reading:
    """A stream that is being read."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self.source = EventSource()
        self._parts = parts

    async def until(self, text: str) -> list[str]:
        """Read until this text has come. Returns all texts so far."""
        while text not in (texts := [data for _, data in self.source.events]):
            await self.part()
        return texts

    async def part(self) -> None:
        """Read what comes next."""
        self.source.feed(await asyncio.wait_for(anext(self._parts), DEADLINE))


@asynccontextmanager
async def reading(
    request: Any, *groups: str, render: Any = text_of, **options: Any
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Read a stream until the block ends; then close it as Django does."""
    response: Any = event_stream(request, groups or ["news.a"], render, **options)
    async with aclosing(aiter(response)) as parts:
        yield parts
    await sync_to_async(response.close)()


async def begun(parts: AsyncIterator[bytes]) -> Reading:
    """Read a stream until it is a member of its groups."""
    stream = Reading(parts)
    await stream.part()
    await stream.part()
    return stream


async def test_live_and_resumed() -> None:
    """A client gets what is sent while it reads, and when it comes back what it has missed."""
    async with reading(GET) as parts:
        stream = await begun(parts)
        await send("one")
        assert await stream.until("one") == ["one"]
    await send("two")
    async with reading(asking(stream.source.last_event_id)) as parts:
        stream = await begun(parts)
        await send("three")
        assert await stream.until("three") == ["two", "three"]
    assert not get_channel_layer().group_sizes()


async def test_with_djangos_client() -> None:
    """A project's test reads a stream as the guide shows it, and leaves nothing behind."""
    with override_settings(ROOT_URLCONF=__name__):
        response: Any = await AsyncClient().get("/news/stream/")
    parts = response.streaming_content
    await anext(parts)  # the stream has begun, and ...
    await anext(parts)  # ... is a member of its groups
    await send("<li>hello</li>")
    assert b"data: <li>hello</li>\n" in await anext(parts)
    response.close()
    assert not get_channel_layer().group_sizes()


async def test_closed_from_elsewhere() -> None:
    """Whoever closes a user's connections ends their streams, and only theirs."""
    question = {"user": None, "channel": None, "path": None, "code": 4001, "reason": ""}
    request = AsyncRequestFactory().get("/news/")
    request._cached_user = User(pk=7)
    async with reading(request) as parts, reading(GET) as others:
        stream, other = await begun(parts), await begun(others)
        assert registry.close({**question, "user": "8"}) == 0
        assert registry.close({**question, "user": "7"}) == 1
        with pytest.raises(StopAsyncIteration):
            await stream.part()
        assert registry.close({**question, "user": "7", "path": "/news/"}) == 0
        await send("one")
        assert await other.until("one") == ["one"]
        assert registry.close({**question, "path": "/"}) == 1
    assert not get_channel_layer().group_sizes()


async def test_slower_than_the_group() -> None:
    """Who doesn't read for a while catches up; who is behind what is kept is told."""
    async with reading(GET) as parts:
        stream = await begun(parts)
        for number in range(5):  # more than its inbox takes, as many as are kept
            await send(str(number))
        assert await stream.until("4") == ["0", "1", "2", "3", "4"]
        for number in range(5, 30):
            await send(str(number))
        assert (await stream.until("lagged"))[5:] == ["lagged"]
        await send("last")
        assert (await stream.until("last"))[5:] == ["lagged", "last"]


async def test_readers_are_present() -> None:
    """Whoever reads a stream of a group is in it, and is told nothing of the others."""
    layer = get_channel_layer()
    async with reading(GET) as parts, reading(GET) as others:
        await begun(parts)
        stream = await begun(others)
        assert await layer.presence_count("news.a") == 2
        await send("news")
        assert await stream.until("news") == ["news"]


async def test_without_history() -> None:
    """A group without history is streamed as well, without positions."""
    async with reading(GET, "lobby", alias="plain") as parts:
        stream = await begun(parts)
        await send("hello", "lobby", "plain")
        await stream.until("hello")
        assert stream.source.events == [("message", "hello")]
        assert stream.source.last_event_id == ""


async def test_rendering_in_a_thread() -> None:
    """``render`` may be asynchronous, and make nothing of a message."""

    async def render(message: dict[str, Any]) -> str | None:
        return await sync_to_async(text_of)(message) if message["text"] != "draft" else None

    async with reading(GET, render=render) as parts:
        stream = await begun(parts)
        await send("draft")
        await send("news")
        assert await stream.until("news") == ["news"]


async def test_a_busy_stream_shows_that_it_is_there() -> None:
    """Heartbeats come although messages do, of which the client is sent nothing."""
    async with reading(GET, render=lambda message: None, heartbeat=0.01) as parts:
        stream = await begun(parts)
        at = stream.source.last_event_id

        async def chatter() -> None:
            while True:
                await send("draft")

        chattering = asyncio.create_task(chatter())
        await stream.part()
        chattering.cancel()
        assert stream.source.last_event_id != at


def test_what_it_is_given() -> None:
    """Each mistake has an error that says what to write."""
    with pytest.raises(ImproperlyConfigured, match="AsyncClient or AsyncRequestFactory"):
        event_stream(RequestFactory().get("/"), ["news.a"], text_of)
    with pytest.raises(TypeError, match=r"write \['news.a'\]"):
        event_stream(GET, "news.a", text_of)
    with pytest.raises(ValueError, match="1 to 20 groups, not of 0"):
        event_stream(GET, [], text_of)
    with pytest.raises(ValueError, match="1 to 20 groups, not of 21"):
        event_stream(GET, [f"news.{n}" for n in range(21)], text_of)
    with pytest.raises(TypeError, match="Group name must be"):
        event_stream(GET, ["news a"], text_of)
    other = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    with override_settings(CHANNEL_LAYERS=other):
        with pytest.raises(ImproperlyConfigured, match="a channel layer of channels_bridge"):
            event_stream(GET, ["news.a"], text_of)
        with pytest.raises(ImproperlyConfigured, match="a channel layer of channels_bridge"):
            position("news.a")


def test_a_view_of_a_framework() -> None:
    """A request that another one wraps, as in Django REST framework, is that one."""

    class Wrapper:
        _request = GET

    assert event_stream(Wrapper(), ["news.a"], text_of).status_code == 200


def test_position_in_views() -> None:
    """A view gets a position, and from there a stream has what came after it."""
    at = position("news.a")
    async_to_sync(send)("after")

    async def read() -> list[str]:
        request = AsyncRequestFactory().get("/", {"from": at})
        async with reading(request) as parts:
            return await Reading(parts).until("after")

    assert async_to_sync(read)() == ["after"]
    assert [kept.message["text"] for kept in history("news.a")] == ["after"]


async def test_position_on_an_event_loop() -> None:
    """Where waiting would block an event loop, the error says what to write instead."""
    for function, name in ((position, "aposition"), (history, "ahistory")):
        with pytest.raises(RuntimeError, match=rf"write await {name}\(\) "):
            function("news.a")
    assert await aposition("news.a", AnonymousUser())
    assert list(await ahistory("news.a")) == []


def test_no_history() -> None:
    """A group without history has no position, and the error says how it would have one."""
    with pytest.raises(ValueError, match="has no history"):
        position("lobby")


def test_template_tag() -> None:
    """The tag writes positions of the request's user, several for several groups."""
    options: dict[str, Any] = {"NAME": "", "DIRS": [], "APP_DIRS": False, "OPTIONS": {}}
    template = DjangoTemplates(options).from_string(
        "{% load channels_bridge %}{% stream_position 'news.a' 'news.b' as at %}{{ at }}"
    )
    first, second = template.render({"user": AnonymousUser()}).split("~")
    assert first == position("news.a")
    assert second == position("news.b")
    # A page about somebody else, as that of a DetailView, whose context says `user`, too.
    request = RequestFactory().get("/")
    request.user = User(pk=5)
    shown = template.render({"user": User(pk=6)}, request)
    assert shown.split("~")[0] == position("news.a", 5)
