"""Clients of the protocol on real servers, whose workers and hub are killed and replaced."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import connect

from compat_tests.resume.protocol_client import Frame, Told
from compat_tests.resume.speaking import Speaker
from compat_tests.servers import websockets_server

SITE = Path(__file__).parent / "site"
PATIENCE = 60


@pytest.fixture(scope="module")
def server():
    """Two workers, which close their connections within a second where they are replaced."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        options = ["--drain-seconds", "1"]
        env = {"TMPDIR": directory}
        with websockets_server(SITE, workers=2, env=env, arguments=options) as running:
            yield running


class Entrance:
    """The server, as a ``Speaker`` knows it."""

    def __init__(self, server):
        self._url = server.ws_url

    def connect(self, path, **options):
        return connect(self._url + path, proxy=None, **options)


async def enter(server):
    """A client in the group, and the process that serves it."""
    speaker = await Speaker(Entrance(server), patience=PATIENCE).connect()
    return speaker, await whereabouts(speaker)


async def whereabouts(speaker):
    """The process that serves a client which has just connected."""
    (text,) = await speaker.frames(1)
    return int(text.split(" ")[0])


async def enter_elsewhere(server, pid):
    """A client on another worker than that one."""
    for _ in range(20):
        speaker, other = await enter(server)
        if other != pid:
            return speaker
        await speaker.websocket.close()
    raise AssertionError("all are on one worker")


async def say(speaker, *texts):
    for text in texts:
        await speaker.websocket.send(text)


def texts(*numbers):
    return [str(number) for number in range(*numbers)]


async def answers(speaker, count):
    """The next frames of the group, and what the client was told meanwhile."""
    frames, told = [], []
    while len(frames) < count:
        heard = await speaker.hear()
        if isinstance(heard, Frame) and heard.tag:
            frames.append(heard.payload)
        elif isinstance(heard, Told):
            told.append(heard)
    return frames, [each.fields["r"] for each in told if each.fields.get("r")]


async def test_query_string_without_the_parameter(server):
    """The project's own consumer doesn't see what the client has asked the server."""
    speaker = await Speaker(Entrance(server), patience=PATIENCE).connect("&token=a%20b")
    (text,) = await speaker.frames(1)
    assert text.split(" ")[1] == "token=a%20b"
    await speaker.websocket.close()


async def test_killed_worker(server):
    """While it is gone and replaced, others go on talking; the client hears it all, once."""
    speaker, pid = await enter(server)
    other = await enter_elsewhere(server, pid)
    await say(other, *texts(10))
    assert (await answers(speaker, 10))[0] == texts(10)
    os.kill(pid, signal.SIGKILL)
    await say(other, *texts(10, 60))
    assert await speaker.closed() == 1006
    # While it ends it may be passed a connection yet, which is lost with it.
    server.wait_until(lambda: not psutil.pid_exists(pid), "its end", PATIENCE)
    await say(other, *texts(60, 80))
    await speaker.connect()
    assert await answers(speaker, 70) == (texts(10, 80), ["ok"])
    for each in (speaker, other):
        await each.websocket.close()


async def test_replaced_workers(server):
    """They say goodbye; the client goes when it likes, and misses nothing."""
    speaker, pid = await enter(server)
    server.signal(signal.SIGHUP)
    bye = None
    while not (isinstance(bye, Told) and bye.kind == "bye"):
        bye = await speaker.hear()
    assert bye.fields["within"] == 1
    await speaker.closed()
    other, _ = await enter(server)
    await say(other, *texts(20))
    await answers(other, 20)
    await speaker.connect()
    assert await whereabouts(speaker) != pid
    assert await answers(speaker, 20) == (texts(20), [])
    for each in (speaker, other):
        await each.websocket.close()


async def test_killed_hub(server):
    """The connection stays, and what is said comes once, as soon as there is another hub."""
    speaker, pid = await enter(server)
    other = await enter_elsewhere(server, pid)
    await say(other, *texts(5))
    assert (await answers(speaker, 5))[0] == texts(5)
    (hub,) = (process for process in server.children() if "hub" in " ".join(process.cmdline()))
    hub.kill()
    await say(other, *texts(5, 40))
    assert await answers(speaker, 35) == (texts(5, 40), [])
    for each in (speaker, other):
        await each.websocket.close()
