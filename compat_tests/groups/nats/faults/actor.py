"""One actor: ``python -m compat_tests.groups.nats.faults.actor PART``, where PART is JSON.

It is a worker as far as the layer can tell: messages to groups are sent without waiting for others.
Each line on stdin is the name of a method and its arguments; the answer is a line on stdout.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import django

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.home import home_loop
from channels_bridge.layers import NatsChannelLayer
from compat_tests.groups.nats.faults.journal import Hearing, Tally, message

#: More than waits for anybody: what the layer drops would be none of the transport's business.
CAPACITY = 10_000_000

#: How far behind its rhythm a speaker may be and still catch up, in seconds.
CATCHES_UP = 0.5


class Actor:
    """Says and hears.

    Args:
        name: whose messages these are.
        config: CONFIG of its layer.
        topics: the groups that it says something to.
        tally: the file that keeps how much it has said.
    """

    def __init__(self, name: str, config: dict[str, Any], topics: list[str], tally: str) -> None:
        self._name = name
        self._topics = topics
        self._layer = NatsChannelLayer(capacity=CAPACITY, **config)
        self._tally = Tally(Path(tally), len(topics))
        self._hearing = Hearing(name)
        self._errors = Errors()
        self._tasks: list[asyncio.Task[None]] = []
        self._talking: asyncio.Task[None] | None = None
        logging.getLogger("channels_bridge").addHandler(self._errors)

    async def listen(self, topics: Sequence[str], seconds_each: float = 0) -> str:
        """Join groups. Reading one message takes so many seconds, in which nothing else is done."""
        channel = await self._layer.new_channel()
        for topic in topics:
            await self._layer.group_add(topic, channel)
        self._tasks.append(asyncio.create_task(self._read(channel, seconds_each)))
        return "listening"

    async def _read(self, channel: str, seconds_each: float) -> None:
        while True:
            heard = await self._layer.receive(channel)
            self._hearing.hear(heard["sender"], heard["topic"], heard["number"], time.monotonic())
            if seconds_each:
                time.sleep(seconds_each)  # noqa: ASYNC251

    async def join_in_turn(self, config: dict[str, Any]) -> str:
        """Join one group after the other; each is sent to at once, by a layer on another node."""
        other = NatsChannelLayer(**config)
        await other.group_send("nobody", {"type": "warm.up"})
        for number, topic in enumerate(self._topics):
            channel = await self._layer.new_channel()
            await self._layer.group_add(topic, channel)
            await other.group_send(topic, self._message(number, ""))
            self._tally.add(number)
            self._tasks.append(asyncio.create_task(self._read(channel, 0)))
        return "joined"

    async def talk(self, rate: float, batch: int, size: int) -> str:
        """Say ``rate`` messages a second from now on, ``batch`` at once."""
        await self.quiet()
        self._talking = asyncio.create_task(self._talk(batch / rate, batch, "." * size))
        return "talking"

    async def _talk(self, period: float, batch: int, padding: str) -> None:
        topics = itertools.cycle(range(len(self._topics)))
        tick = time.monotonic()
        while True:
            for topic in itertools.islice(topics, batch):
                await self._say(topic, padding)
            tick = max(tick + period, time.monotonic() - CATCHES_UP)
            await asyncio.sleep(max(0.0, tick - time.monotonic()))

    async def burst(self, count: int, size: int) -> str:
        """Say so many messages at once, on one topic after the other."""
        for topic in itertools.islice(itertools.cycle(range(len(self._topics))), count):
            await self._say(topic, "." * size)
        return "said"

    async def _say(self, topic: int, padding: str) -> None:
        """Say one message, however often it is refused."""
        said = self._message(topic, padding)
        while True:
            try:
                await self._layer.group_send(self._topics[topic], said)
            except TransportUnavailable:
                continue
            self._tally.add(topic)
            return

    def _message(self, topic: int, padding: str) -> dict[str, Any]:
        """The next one on a topic."""
        name, number = self._topics[topic], self._tally[topic] + 1
        return message(self._name, name, number, padding)

    async def quiet(self) -> str:
        """Say nothing more."""
        if self._talking is not None:
            self._talking.cancel()
            await asyncio.wait([self._talking])
        return "quiet"

    async def forget_pauses(self) -> str:
        """Look for the longest pause from now on."""
        self._hearing.forget_pauses(time.monotonic())
        return "forgotten"

    async def tell(self) -> dict[str, Any]:
        """What it has heard, and what its layer says of itself."""
        link = self._layer.statistics().link
        return {
            "runs": [[*flow, runs] for flow, runs in self._hearing.runs.items()],
            "longest_pause": self._hearing.longest_pause,
            "link": asdict(link) if link else {},
            "errors": self._errors.lines,
        }

    async def end(self) -> None:
        """Leave."""
        for task in self._tasks:
            task.cancel()
        await self._layer.close()


class Errors(logging.Handler):
    """Keeps what is logged at ERROR: losses that are declared."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


async def perform(part: dict[str, Any]) -> None:
    """Do what stdin says, until it says that this is the end."""
    home_loop.claim()
    actor = Actor(**part)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps(os.getpid()), flush=True)
    while line := await reader.readline():
        name, *arguments = json.loads(line)
        answer = await getattr(actor, name)(*arguments)
        print(json.dumps(answer), flush=True)
        if name == "end":
            return


def log_all() -> None:
    """Log each loss by itself; a server has one line in ten seconds."""
    defaults = Notices.__init__.__kwdefaults__
    assert defaults is not None
    defaults["interval"] = 0


if __name__ == "__main__":
    log_all()
    django.setup()
    logging.basicConfig(level=logging.INFO)
    asyncio.run(perform(json.loads(sys.argv[1])))
