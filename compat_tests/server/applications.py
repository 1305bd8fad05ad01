"""ASGI applications that the engine's own tests serve, without Django."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import subprocess
import time

logging.basicConfig(level=logging.INFO)  # what a project's LOGGING does in a worker


@contextlib.asynccontextmanager
async def echo(config):
    yield _echo


async def _echo(scope, receive, send):
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        )
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await _accept(scope, send)
    assert (await receive())["type"] == "websocket.connect"
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        await send({**event, "type": "websocket.send"})


@contextlib.asynccontextmanager
async def broken(config):
    raise LookupError("no such database")
    yield


@contextlib.asynccontextmanager
async def breakable(config):
    """Can't be had while there is a file where the environment's BROKEN points to."""
    _break()
    yield _echo


def _break():
    if os.path.exists(os.environ["BROKEN"]):
        raise LookupError("no such database")


def hanging(config):
    """Is not there while there is a file where the environment's HANGING points to."""
    while os.path.exists(os.environ["HANGING"]):
        time.sleep(0.05)
    return echo(config)


@contextlib.asynccontextmanager
async def blocking(config):
    yield _blocking


async def _blocking(scope, receive, send):
    """Blocks the event loop until there is a file of the name that it is sent."""
    await _accept(scope, send)
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.receive":
            _block_until_there(event["text"])
            await send({**event, "type": "websocket.send"})


def _block_until_there(path):
    while not os.path.exists(path):
        time.sleep(0.05)


@contextlib.asynccontextmanager
async def lingering(config):
    yield _lingering


async def _lingering(scope, receive, send):
    """Accepts, and takes its time after the disconnect, until cancelled."""
    await _accept(scope, send)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def parent(config):
    """Has started a process that outlives it and holds what it inherited."""
    _start_sleeper()
    yield _echo


def _start_sleeper():
    subprocess.Popen(["sleep", "30"], close_fds=False)


async def _accept(scope, send):
    if scope["type"] != "websocket":
        raise ValueError(scope["type"])
    await send({"type": "websocket.accept", "headers": [(b"x-pid", str(os.getpid()).encode())]})


@contextlib.asynccontextmanager
async def stubborn(config):
    yield _stubborn


async def _stubborn(scope, receive, send):
    """Accepts, and then neither returns nor can be cancelled."""
    await _accept(scope, send)
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def frozen(config):
    yield _frozen


async def _frozen(scope, receive, send):
    """Says how many objects of its process garbage is not looked for among."""
    await _accept(scope, send)
    await send({"type": "websocket.send", "text": str(gc.get_freeze_count())})
    await receive()
    await receive()


@contextlib.asynccontextmanager
async def growing(config):
    """Takes as many MiB as it is told, and echoes."""
    yield _growing


async def _growing(scope, receive, send):
    await _accept(scope, send)
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.receive":
            TAKEN.append(b"x" * (int(event["text"]) * 2**20))
            await send({**event, "type": "websocket.send"})


TAKEN: list[bytes] = []
