"""Handshakes and whatever else a connection begins with, on a server that really listens."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compat_tests.clients.raw_bytes import HANDSHAKE
from compat_tests.fuzz.listener import Listener, cut
from compat_tests.fuzz.profile import PROFILE
from compat_tests.fuzz.requests import streams

ANSWER = re.compile(rb"HTTP/1\.1 ([1-4]\d\d|50[1345]) ")


async def application(scope, receive, send):
    """Answer messages with themselves, and requests with a page once their body has been read."""
    if scope["type"] == "websocket":
        await echo(receive, send)
    else:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})


async def echo(receive, send):
    """Accept, and send back every message."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


@pytest.fixture(scope="module", params=[True, False], ids=["with pages", "without"])
def listener(request):
    """One engine for all examples, with pages and without."""
    listener = Listener(application, http=request.param, max_head_size=2**13)
    yield listener
    listener.close()


@PROFILE
@given(streams(), st.lists(st.integers(0, 10_000), max_size=5), st.booleans())
@example(HANDSHAKE, [], False)
@example(HANDSHAKE + HANDSHAKE, [], False)
def test_handshake(listener, stream, places, abort):
    """Whatever comes first gets an answer of HTTP or none, and others are served as before."""
    answer = listener.run(listener.talk(cut(stream, places), abort=abort))
    assert not answer or ANSWER.match(answer)
    listener.run(listener.say_hello())
    listener.run(listener.rest())
