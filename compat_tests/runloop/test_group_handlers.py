"""Which methods of a consumer are meant as group handlers, and which people are told of."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from django.utils.functional import SimpleLazyObject

from channels_bridge.groups import shared_frame
from channels_bridge.project import handler_report
from channels_bridge.runloop import proven_handlers
from channels_bridge.runloop.group_handlers import group_handlers, may_send


def logged(method: Any) -> Any:
    """Wrap a handler, as decorators do."""

    @functools.wraps(method)
    async def wrapped(*arguments: Any) -> Any:
        return await method(*arguments)

    return wrapped


class Chat(AsyncWebsocketConsumer):
    """A consumer with handlers and much else."""

    serializer_class = dict

    async def connect(self) -> None: ...

    async def chat_news(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])

    async def chat_typing(self, message: dict[str, Any]) -> None:
        await self.send(text_data=self.channel_name)

    @logged
    async def chat_logged(self, event: dict[str, Any]) -> None: ...

    @shared_frame
    @classmethod
    def chat_shared(cls, event: dict[str, Any]) -> str:
        return "shared"

    async def name_for_page(self, group: str) -> str: ...

    async def save(self, text: str, user: str) -> None: ...

    async def _private(self, event: dict[str, Any]) -> None: ...

    def render(self, event: dict[str, Any]) -> str: ...


class SyncChat(WebsocketConsumer):
    """One whose handlers are not async."""

    def chat_news(self, event: dict[str, Any]) -> None:
        self.send(text_data=event["text"])

    async def fetch(self, event: dict[str, Any]) -> None: ...


def test_handlers() -> None:
    """Public methods of one argument that can be awaited, or in a synchronous consumer cannot."""
    assert dict(group_handlers(Chat)) == {
        "chat_logged": "event",
        "chat_news": "event",
        "chat_shared": "event",
        "chat_typing": "message",
    }
    assert dict(group_handlers(SyncChat)) == {"chat_news": "event"}


def test_what_is_looked_at() -> None:
    """Of those only what sends something is a reason to look at messages for its class."""
    assert [name for name in group_handlers(Chat) if may_send(Chat, name)] == [
        "chat_news",
        "chat_typing",
    ]


def test_rows(monkeypatch: Any) -> None:
    """Told are those that take an ``event``, and others that a message has called."""
    monkeypatch.setattr(proven_handlers, "known", {})
    handlers = proven_handlers.known[Chat] = proven_handlers.Handlers(Chat)

    def rows() -> dict[str, str | None]:
        report = asyncio.run(handler_report.report_handlers())
        return {row["handler"]: row["why"] for row in report}

    assert list(rows()) == ["chat_logged", "chat_news", "chat_shared"]
    assert rows()["chat_news"] is rows()["chat_shared"] is None
    assert handlers.proof_of("chat_typing") is None
    assert "self.channel_name" in str(rows()["chat_typing"])


async def test_turns(monkeypatch: Any) -> None:
    """Connections have their turn between handlers that are looked at for the first time."""
    monkeypatch.setattr(proven_handlers, "known", {Chat: proven_handlers.Handlers(Chat)})
    monkeypatch.setattr(handler_report, "TURN", 0)
    turns = 0

    async def serve() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    serving = asyncio.create_task(serve())
    rows = await handler_report.report_handlers()
    serving.cancel()
    assert turns >= len(rows) > 1


class Stranger:
    """Fails whoever looks at it, or at what it is made into."""

    def __get__(self, consumer: Any, owner: type) -> Any:
        raise KeyError("nothing here")


class Uncertain:
    """Can be called, and doesn't say how."""

    def __call__(self, event: dict[str, Any]) -> None: ...

    @property
    def __signature__(self) -> Any:
        raise RuntimeError("not yet")


def fail() -> Any:
    raise AssertionError("was looked at")


ODD = {"lazy": lambda: SimpleLazyObject(fail), "class's": Stranger, "callable": Uncertain}


@pytest.mark.parametrize("kind", ODD)
def test_attributes_that_must_not_be_touched(kind: str) -> None:
    """A class may have anything: a lazy object makes a query, which can't be made on the loop."""
    attribute = ODD[kind]()
    odd = type("Odd", (Chat,), {"attribute": attribute})
    assert "attribute" not in group_handlers(odd)
    assert proven_handlers.make_for(odd, None) is not None
    plain = type("Plain", (AsyncWebsocketConsumer,), {"attribute": attribute})
    assert proven_handlers.make_for(plain, None) is None
