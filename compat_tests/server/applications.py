"""ASGI applications that the engine's own tests serve, without Django."""

from __future__ import annotations

import asyncio
import contextlib
import os


@contextlib.asynccontextmanager
async def echo(config):
    yield _echo


async def _echo(scope, receive, send):
    if scope["type"] == "http":
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        )
        await send({"type": "http.response.body", "body": b"ok"})
        return
    if scope["type"] != "websocket":
        raise ValueError(scope["type"])
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-pid", str(os.getpid()).encode())]})
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
async def stubborn(config):
    yield _stubborn


async def _stubborn(scope, receive, send):
    """Accepts, and then neither returns nor can be cancelled."""
    if scope["type"] != "websocket":
        raise ValueError(scope["type"])
    await send({"type": "websocket.accept"})
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
