"""The load generator compresses what it sends, as browsers do."""

from __future__ import annotations

import asyncio
import tempfile
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver import Chrome

from channels_bridge.bench.generator.browser_deflate import OFFER, TAIL, agreed
from channels_bridge.bench.generator.clients import Client, Target, connected
from channels_bridge.server.asgi_types import Event, Receive, Send
from channels_bridge.server.websocket import receiver
from channels_bridge.server.websocket.asgi_scope import Scope
from channels_bridge.server.websocket.fast_path import RSV1, Inflate
from compat_tests.browser import open_chromium, require_chromium
from compat_tests.clients.raw_bytes import compress
from compat_tests.engine import DEADLINE, Engine, serve
from compat_tests.server.websocket.small_applications import echo

__all__ = ["serve"]

SAID = ["", "a", '{"message": "hello"}', "hello " * 15, "x" * 5000, "a"]
PAGE = b"<!doctype html><title>page</title>"
#: Says all of it, and is done once all of it came back.
TALK = """
    const [url, said, done] = arguments, socket = new WebSocket(url), heard = []
    socket.onopen = () => said.forEach(text => socket.send(text))
    socket.onerror = () => done("error")
    socket.onmessage = event => {
        heard.push(event.data)
        if (heard.length === said.length) done(heard)
    }
"""


async def page_and_echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An echo, and the page that talks to it."""
    if scope["type"] == "websocket":
        await echo(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": PAGE})


class Watched:
    """What an engine reads.

    Attributes:
        offers: of extensions, by the clients of its WebSockets.
        plain: messages that came as they are.
        compressed: the others.
    """

    def __init__(self) -> None:
        self.offers: list[str] = []
        self.plain: list[Event] = []
        self.compressed: list[Event] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if scope["type"] == "websocket":
            self.offers.append(headers.get(OFFER[0].lower().encode(), b"").decode())
        await page_and_echo(scope, receive, send)

    def read_message(
        self, data: bytes, start: int, limit: int, inflate: Inflate | None
    ) -> tuple[Event, int] | None:
        """As the fast path, which must be able to."""
        message = read_message(data, start, limit, inflate)
        if message is not None:
            (self.compressed if data[start] & RSV1 else self.plain).append(message[0])
        return message


read_message = receiver.read_message


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """An application, and what is read for it."""
    watched = Watched()
    monkeypatch.setattr(receiver, "read_message", watched.read_message)
    return watched


@pytest.fixture
def driver() -> Iterator[Chrome]:
    require_chromium()
    with tempfile.TemporaryDirectory(prefix="cb-") as profile:
        driver = open_chromium(profile)
        yield driver
        driver.quit()


class Talker(Client):
    """Says something, and waits until all of it came back."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.done = asyncio.Event()

    def receive(self, payload: bytes) -> None:
        self.heard.append(payload.decode())
        if len(self.heard) == len(SAID):
            self.done.set()


async def by_generator(engine: Engine, deflate: bool) -> list[str]:
    """What comes back of what a client of the load generator says."""
    client = Talker()
    async with connected([(client, Target(engine.port, "/", deflate=deflate))]):
        for text in SAID:
            client.send(text)
        await asyncio.wait_for(client.done.wait(), DEADLINE)
    return client.heard


async def by_chromium(engine: Engine, driver: Chrome) -> Any:
    """What comes back of what a page says."""
    place = f"127.0.0.1:{engine.port}/"

    def talk() -> Any:
        driver.get(f"http://{place}")
        heard = driver.execute_async_script(TALK, f"ws://{place}", SAID)
        driver.get("about:blank")
        return heard

    return await asyncio.to_thread(talk)


async def test_generator(serve, watched: Watched) -> None:
    """Every message is compressed, however short, and read as what it is."""
    engine = await serve(watched)
    assert await by_generator(engine, deflate=True) == SAID
    assert [event["text"] for event in watched.compressed] == SAID
    assert watched.plain == []
    assert watched.offers == [OFFER[1]]


@pytest.mark.parametrize("offered, options", [(False, {}), (True, {"compression": False})])
async def test_no_agreement(serve, watched: Watched, offered, options) -> None:
    """Where nothing is offered, or the offer is not taken, messages go as they are."""
    engine = await serve(watched, **options)
    assert await by_generator(engine, deflate=offered) == SAID
    assert [event["text"] for event in watched.plain] == SAID
    assert watched.compressed == []


async def test_chromium(serve, watched: Watched, driver: Chrome) -> None:
    """So it is with Chromium: the same offer, and every message is compressed."""
    engine = await serve(watched)
    assert await by_chromium(engine, driver) == SAID
    assert [event["text"] for event in watched.compressed] == SAID
    assert watched.plain == []
    assert watched.offers == [OFFER[1]]


@pytest.mark.parametrize("window", ["", "; client_max_window_bits=9"])
def test_by_itself(window: str) -> None:
    """Without context takeover each message is as if it were the first, on all connections."""
    terms = f"permessage-deflate; client_no_context_takeover{window}"
    one, other = agreed(terms), agreed(terms)
    assert one is not None and one is other
    for text in [*SAID, *SAID]:
        inflated = zlib.decompressobj(-9 if window else -15).decompress(one(text.encode()) + TAIL)
        assert inflated == text.encode()
        assert window or one(text.encode()) == compress(text.encode())


def test_in_context() -> None:
    """With it, a message that was said before is short; other connections know nothing of it."""
    terms = "permessage-deflate; server_no_context_takeover; client_max_window_bits = 12"
    one, other = agreed(terms), agreed(terms)
    assert one is not None and other is not None
    inflating = zlib.decompressobj(-12)
    for compressed in (one(b"the same again"), one(b"the same again")):
        assert inflating.decompress(compressed + TAIL) == b"the same again"
    assert len(compressed) < len(other(b"the same again"))


def test_idle_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that says nothing has no compressor, of which each takes 256 KiB."""
    compressors: list[int] = []
    monkeypatch.setattr(zlib, "compressobj", lambda wbits: compressors.append(wbits))
    assert agreed("permessage-deflate; client_max_window_bits=11") is not None
    assert compressors == []


@pytest.mark.parametrize("answer", [None, "", "x-webkit-deflate-frame"])
def test_no_answer(answer: str | None) -> None:
    """What isn't an agreement on permessage-deflate is none."""
    assert agreed(answer) is None
