"""Shutdown of an application together with what was served."""

from __future__ import annotations

import asyncio

import pytest

from channels_bridge.server.bind import parse_binds
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.listen import listen
from channels_bridge.server.worker.inprocess import serve
from compat_tests.engine import DEADLINE


class Application:
    """Speaks the lifespan protocol, and notes what it is told."""

    def __init__(self):
        self.events = []

    async def __call__(self, scope, receive, send):
        assert scope["type"] == "lifespan"
        for event in ("lifespan.startup", "lifespan.shutdown"):
            assert (await receive())["type"] == event
            self.events.append(event)
            await send({"type": f"{event}.complete"})


def fail():
    raise LookupError("nobody to tell")


@pytest.mark.parametrize("ready", [fail, None], ids=["failed", "stopped"])
async def test_the_lifespan_ends(ready):
    """The application's lifespan ends and nothing listens any more, however serving ended."""
    application, stop = Application(), asyncio.Event()
    config = ServerConfig(application="", binds=parse_binds(["127.0.0.1:0"]))
    (listener,) = listen(config.binds)
    address = listener.sock.getsockname()
    serving = serve(application, [listener.sock], config, ready=ready or stop.set, stop=stop)
    if ready is None:
        await asyncio.wait_for(serving, DEADLINE)
    else:
        with pytest.raises(LookupError):
            await asyncio.wait_for(serving, DEADLINE)
    assert application.events == ["lifespan.startup", "lifespan.shutdown"]
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_handshakes_under_way(serve):
    """Where another worker has taken over, a handshake is decided, then the connection closed."""
    asked, decided = asyncio.Event(), asyncio.Event()

    async def application(scope, receive, send):
        asked.set()
        await decided.wait()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    server = await serve(application)
    server.context.finishes_handshakes = True
    connecting = asyncio.ensure_future(open_websocket(server))
    await asyncio.wait_for(asked.wait(), DEADLINE)
    stopping = asyncio.ensure_future(server.stop())
    await asyncio.sleep(0)  # the first step of a task
    assert server.context.ending
    decided.set()
    client = await asyncio.wait_for(connecting, DEADLINE)
    await asyncio.wait_for(client.wait_closed(), DEADLINE)
    assert client.protocol.close_rcvd.code == 1001
    await asyncio.wait_for(stopping, DEADLINE)


async def open_websocket(server):
    return await server.connect()
