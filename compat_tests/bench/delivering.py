"""Deliveries without clients: ``python compat_tests/bench/delivering.py ROUNDS KIND``.

Ten consumers of Channels are in a group, each run as the server runs it, and get so many messages,
one after another. KIND is "on" or "off", for history; or "shared", where their handler, which is
proved to be the same for all, runs once.

With "hub" the layer is the one that workers have, messages are sent ten at a time, and a hub runs
in this process too, so that what all sides take is counted together; with "cross" half of the
members are of another layer, as those of another worker are. "-history" behind either keeps the
messages. It imports nothing but the package, which may be that of another revision.

A worker that has all members keeps its messages to itself, but for one in half a second: so "hub"
is what a delivery takes that no hub has to do with.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from django.conf import settings

MEMBERS = 10
GROUP = "chat_1"

#: Messages at a time, where they go over a hub: as many as a busy worker joins.
BURST = 10

#: Seconds after the first burst, until what is answered lazily is answered: whether others listen.
WARMUP = 1.0

#: So many times as long everything takes where instructions are counted, about.
SLOWDOWN = 50

#: What goes by the clock beside deliveries: by module and name of the seconds.
BY_THE_CLOCK = (
    ("channels_bridge.groups.grpc.outbox", "LAZY_DELAY"),
    ("channels_bridge.groups.grpc.suppression", "LEASE"),
    ("channels_bridge.groups.grpc.suppression", "HUB_LEASE"),
    ("channels_bridge.groups.grpc.hub.hub", "TICK_INTERVAL"),
)


def configure(address: str, *, history: bool) -> None:
    """The settings of a project: with a layer in one process if there is no address of a hub."""
    config: dict[str, Any] = {"history": {"chat_*": {}}} if history else {}
    name = "LocalChannelLayer"
    if address:
        name = "GrpcChannelLayer"
        config["address"] = address
    layer = {"BACKEND": f"channels_bridge.layers.{name}", "CONFIG": config}
    layers = {"default": layer, "other": {**layer, "CONFIG": dict(config)}}
    settings.configure(CHANNEL_LAYERS=layers, INSTALLED_APPS=[], DATABASES={})


class Tally:
    """Counts what members have sent; whoever waits for all of it goes on then."""

    def __init__(self) -> None:
        self._left = 0
        self._all = asyncio.Event()

    def expect(self, messages: int) -> None:
        """Begin anew: each member is about to send so many."""
        self._left += messages * MEMBERS
        self._all.clear()

    def add(self) -> None:
        """One is sent."""
        self._left -= 1
        if not self._left:
            self._all.set()

    async def wait(self) -> None:
        """Wait for all."""
        await self._all.wait()


def ended(consumer: Any, freezes: int) -> None:
    """What the server's context does when a consumer ends; nothing here."""


class Connection:
    """As much of the server's connection as a consumer needs: frames are counted and dropped."""

    def __init__(self, inbox: Any, tally: Tally) -> None:
        self.inbox = inbox
        self.context = SimpleNamespace(crossing=None, freezes=0, note_end=ended)
        self.sender = SimpleNamespace(send_now=self.send_now)
        self.about: Any = None
        self._tally = tally

    def send_now(self, payload: str) -> bool:
        self._tally.add()
        return True

    async def send(self, event: dict[str, Any]) -> None:
        self._tally.add()  # it accepts the connection, and then sends nothing but text


@contextlib.asynccontextmanager
async def hub_at(address: str) -> AsyncIterator[None]:
    """Run a hub there, if that is an address."""
    if not address:
        yield
        return
    from channels_bridge.groups.grpc.hub.hub import serve
    from channels_bridge.groups.home import home_loop

    slow_clocks()
    home_loop.claim()
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve(address, ready=ready.set, stop=stop))
    await ready.wait()
    yield
    await home_loop.aclose_all()
    stop.set()
    await serving


def slow_clocks() -> None:
    """Let what goes by the clock come as seldom, for the messages, as it does in a server.

    Otherwise a worker whose groups are its own would ask the hub all the time whether others
    listen, and how often depended on the machine.
    """
    for name, seconds in BY_THE_CLOCK:
        module = importlib.import_module(name)
        setattr(module, seconds, getattr(module, seconds) * SLOWDOWN)


async def deliver(rounds: int, burst: int, aliases: tuple[str, ...]) -> None:
    """Send so many messages to the group; each member has a burst before the next one is sent."""
    from channels.layers import get_channel_layer

    layer: Any = get_channel_layer()
    tally = Tally()
    tally.expect(1)  # they accept the connection
    running = [join(tally, aliases[number % len(aliases)]) for number in range(MEMBERS)]
    await tally.wait()
    for number in range(rounds // burst):
        if number == 1:
            await asyncio.sleep(WARMUP)
        tally.expect(burst)
        for _ in range(burst):
            await layer.group_send(GROUP, {"type": "chat.message", "message": "hello"})
        await tally.wait()
        # A burst comes with what one round of the loop has read: whoever answers has a turn, too.
        await asyncio.sleep(0)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def join(tally: Tally, alias: str) -> asyncio.Task[None]:
    """Run a consumer that is a member of the group, on the layer of an alias."""
    from channels_bridge.server.websocket.asgi_scope import EXTENSION
    from channels_bridge.server.websocket.inbox import Inbox

    connection = Connection(Inbox(), tally)
    scope = {"type": "websocket", "extensions": {EXTENSION: {"connection": connection}}}
    connection.inbox.put_event({"type": "websocket.connect"})
    application: Any = member(alias).as_asgi()
    return asyncio.create_task(application(scope, connection.inbox.get, connection.send))


@functools.cache
def member(alias: str) -> Any:
    """Return the tutorial's consumer, on the layer of an alias."""
    from channels.generic.websocket import AsyncWebsocketConsumer

    class Member(AsyncWebsocketConsumer):
        groups = [GROUP]
        channel_layer_alias = alias

        async def chat_message(self, event: dict[str, Any]) -> None:
            await self.send(text_data=json.dumps({"message": event["message"]}))

    return Member


def run_as_served(*, shared: bool) -> None:
    """Run consumers as the server does."""
    from channels_bridge.runloop.consumer_loop import install

    install()
    proven: Any = sys.modules.get("channels_bridge.runloop.proven_handlers")
    if proven is not None:  # an older revision has none
        proven.is_on = shared


async def measure(rounds: int, kind: str, address: str) -> None:
    """Deliver, with a hub if there is an address."""
    run_as_served(shared=kind not in ("on", "off"))
    aliases = ("default", "other") if kind.startswith("cross") else ("default",)
    async with hub_at(address):
        await deliver(rounds, BURST if address else 1, aliases)


def main() -> None:
    """Deliver what the command line asks for."""
    rounds, kind = sys.argv[1:]
    is_hub = kind.startswith(("hub", "cross"))
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        address = f"unix:{directory}/groups.sock" if is_hub else ""
        configure(address, history=kind == "on" or kind.endswith("-history"))
        asyncio.run(measure(int(rounds), kind, address))


if __name__ == "__main__":
    main()
