"""
``python -m compat_tests.chaos.member DIRECTORY NAME CONFIG``: sends to a group, and is in it.

CONFIG is that of the layer, as JSON. SIGTERM ends the sending; the process then waits until it is
told on stdin that everybody has ended it, and a last message of everybody has come.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

import django

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups import home
from channels_bridge.layers import GrpcChannelLayer

from ..groups.hubs import until
from .journal import Journal

GROUP = "chaos"

# Between two messages of a sender, in seconds. Now and then many come at once.
PAUSE = 0.002
BURST = 100


class Member:
    """A process' part."""

    def __init__(self, name: str, journal: Journal, layer: GrpcChannelLayer) -> None:
        self._name = name
        self._journal = journal
        self._layer = layer
        self._number = 0
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Join, send until SIGTERM, and say when everything is sent and got."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        recording = asyncio.create_task(self._record(await self._join()))
        print("joined", flush=True)
        while not self._stop.is_set():
            await self._send(BURST if self._number % 1000 == 0 else 1)
            await asyncio.sleep(PAUSE)
        await self._settle()
        print("sent", flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        await self._settle()
        await self._ask_oneself()
        await recording
        self._journal.ended()
        await self._layer.close()

    async def _join(self) -> str:
        channel = await self._until_it_works(self._layer.new_channel)
        await self._until_it_works(lambda: self._layer.group_add(GROUP, channel))
        self._journal.joined()
        self._channel = channel
        return channel

    async def _record(self, channel: str) -> None:
        while (message := await self._layer.receive(channel))["type"] != "end":
            self._journal.got(message["sender"], message["number"])

    async def _send(self, count: int) -> None:
        for _ in range(count):
            self._number += 1
            began = time.monotonic()
            message = {"type": "chaos", "sender": self._name, "number": self._number}
            try:
                await self._layer.group_send(GROUP, message)
            except TransportUnavailable:
                self._journal.refused(self._number)
            else:
                self._journal.sent(self._number, began)

    async def _settle(self) -> None:
        """Return once whatever this process has sent has arrived everywhere."""

        def all_answered() -> bool:
            link = self._layer.statistics().link
            return link is not None and not link.unacknowledged

        await until(all_answered)

    async def _ask_oneself(self) -> None:
        await self._layer.send(self._channel, {"type": "end"})

    async def _until_it_works(self, call):
        while True:
            try:
                return await call()
            except TransportUnavailable:
                continue


async def main(directory: str, name: str, config: str) -> None:
    home.claim()  # as a server's worker does
    layer = GrpcChannelLayer(**json.loads(config))
    await Member(name, Journal(Path(directory), name), layer).run()


if __name__ == "__main__":
    django.setup()
    asyncio.run(main(*sys.argv[1:]))
