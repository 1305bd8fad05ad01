"""Deliveries without sockets: ``python compat_tests/bench/delivering.py ROUNDS KIND``.

Ten consumers of Channels are in a group, each run as the server runs it, and get so many messages,
one after another. KIND is "on" or "off", for history; or "shared", where their handler, which is
proved to be the same for all, runs once. It imports nothing but the package, which may be that of
another revision.
"""

from __future__ import annotations

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

from django.conf import settings

MEMBERS = 10
GROUP = "chat_1"


def configure(history: bool) -> None:
    """The settings of a project with one process."""
    config: dict[str, Any] = {"history": {"chat_*": {}}} if history else {}
    layer = {"BACKEND": "channels_bridge.layers.LocalChannelLayer", "CONFIG": config}
    settings.configure(CHANNEL_LAYERS={"default": layer}, INSTALLED_APPS=[], DATABASES={})


class Tally:
    """Counts what members have sent; whoever waits for all of them goes on then."""

    def __init__(self) -> None:
        self._count = 0
        self._all = asyncio.Event()

    def add(self) -> None:
        """One has."""
        self._count += 1
        if self._count == MEMBERS:
            self._all.set()

    async def wait(self) -> None:
        """Wait for all, and begin anew."""
        await self._all.wait()
        self._all.clear()
        self._count = 0


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


async def deliver(rounds: int, *, shared: bool) -> None:
    """Send so many messages to the group; each member has it before the next one is sent."""
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.layers import get_channel_layer

    from channels_bridge.runloop.consumer_loop import install
    from channels_bridge.server.websocket.asgi_scope import EXTENSION
    from channels_bridge.server.websocket.inbox import Inbox

    class Member(AsyncWebsocketConsumer):
        groups = [GROUP]

        async def chat_message(self, event: dict[str, Any]) -> None:
            await self.send(text_data=json.dumps({"message": event["message"]}))

    install()
    proven: Any = sys.modules.get("channels_bridge.runloop.proven_handlers")
    if proven is not None:  # an older revision has none
        proven.is_on = shared
    layer: Any = get_channel_layer()
    tally, running = Tally(), []
    for _ in range(MEMBERS):
        connection = Connection(Inbox(), tally)
        scope = {"type": "websocket", "extensions": {EXTENSION: {"connection": connection}}}
        connection.inbox.put_event({"type": "websocket.connect"})
        application: Any = Member.as_asgi()
        call = application(scope, connection.inbox.get, connection.send)
        running.append(asyncio.create_task(call))
    await tally.wait()
    for _ in range(rounds):
        await layer.group_send(GROUP, {"type": "chat.message", "message": "hello"})
        await tally.wait()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def main() -> None:
    """Deliver what the command line asks for."""
    rounds, kind = sys.argv[1:]
    configure(kind == "on")
    asyncio.run(deliver(int(rounds), shared=kind == "shared"))


if __name__ == "__main__":
    main()
