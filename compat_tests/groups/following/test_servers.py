"""Groups with history on a real server: what ordinary clients no longer miss."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect

from channels_bridge.groups.grpc.hub import session
from channels_bridge.layers import GrpcChannelLayer
from compat_tests.groups.hubs import DEADLINE, serving
from compat_tests.server.monitoring.site import Site, running_site

HISTORY = {"chat.*": {"messages": 5000}}
COUNT = 1000


@contextlib.asynccontextmanager
async def site(**config: Any) -> AsyncIterator[Site]:
    """The sample project on two workers."""
    with contextlib.ExitStack() as stack:
        settings = json.dumps({"history": HISTORY, **config})
        running = running_site(Path("unused"), SAMPLE_LAYER_CONFIG=settings)
        yield await asyncio.to_thread(stack.enter_context, running)


@contextlib.asynccontextmanager
async def clients(site: Site, count: int) -> AsyncIterator[list[ClientConnection]]:
    """Members of one group, on both workers."""
    async with contextlib.AsyncExitStack() as stack:
        url = f"{site.server.ws_url}/room/chat.a/"
        made = [
            await stack.enter_async_context(connect(url, origin=site.server.url))
            for _ in range(count)
        ]
        yield made


async def received(client: ClientConnection, count: int) -> list[str]:
    texts = []
    for _ in range(count):
        texts.append(json.loads(await asyncio.wait_for(client.recv(), DEADLINE))["text"])
    return texts


def workers(site: Site) -> list[psutil.Process]:
    pids = {worker["pid"] for worker in site.status()["workers"]}
    return [process for process in site.server.children() if process.pid in pids]


async def test_cut_off_worker(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was stopped for so long that the hub has given it up brings its members all
    that they have missed, in order, and the connections stay.
    """
    monkeypatch.setattr(session, "MAX_PENDING", 100)
    layer = GrpcChannelLayer(address=address, history=HISTORY)
    texts = [str(number) for number in range(COUNT)]
    async with serving(address), site(address=address) as running, clients(running, 4) as members:
        await layer.group_send("chat.a", {"type": "room.message", "text": "hello"})
        for member in members:
            assert await received(member, 1) == ["hello"]
        stopped = await asyncio.to_thread(workers, running)
        assert len(stopped) == 2
        for worker in stopped:
            worker.send_signal(signal.SIGSTOP)
        for text in texts:
            await layer.group_send("chat.a", {"type": "room.message", "text": text})
        for worker in stopped:
            worker.send_signal(signal.SIGCONT)
        for member in members:
            assert await received(member, COUNT) == texts
        await asyncio.to_thread(running.server.wait_for_log, "history is kept", 1, DEADLINE)
        await layer.close()


async def test_killed_hub() -> None:
    """While the hub is killed and comes back, members on all workers get all that is said, once
    and in one order, the speakers too.
    """
    async with site() as running, clients(running, 4) as members:
        (hub,) = [
            child
            for child in running.server.children()
            if child.pid not in {worker.pid for worker in await asyncio.to_thread(workers, running)}
        ]
        for number in range(300):
            speaker = members[number % 3]
            await speaker.send(json.dumps({"text": f"{number % 3} {number}"}))
            if number == 150:
                hub.kill()
        everything = [await received(member, 300) for member in members]
        assert everything[1:] == everything[:1] * 3
        for speaker in range(3):
            own = [text for text in everything[0] if text.startswith(f"{speaker} ")]
            assert own == [f"{speaker} {number}" for number in range(speaker, 300, 3)]
