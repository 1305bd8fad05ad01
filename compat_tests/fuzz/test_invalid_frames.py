"""Frames that no client should send, on a server that really listens."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compat_tests.clients.raw_bytes import frame
from compat_tests.fuzz.listener import Listener
from compat_tests.fuzz.oracle import Client, foresee
from compat_tests.fuzz.profile import PROFILE
from compat_tests.fuzz.wire import MAX_SIZE, PLACES, divide, streams


class Echo:
    """An application that says what it is told, and remembers it."""

    def __init__(self):
        self.messages = []

    async def __call__(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            self.messages.append(event.get("text", event.get("bytes")))
            await send({**event, "type": "websocket.send"})


@pytest.fixture(scope="module")
def listener():
    """Serve an echo, whose received messages the tests may read."""
    application = Echo()
    listener = Listener(application, http=False, max_message_size=MAX_SIZE)
    listener.messages = application.messages
    yield listener
    listener.close()


CONVERSATIONS = st.booleans().flatmap(lambda deflate: st.tuples(st.just(deflate), streams(deflate)))


#: A text whose end is not UTF-8, and a ping that comes with it.
INVALID = [frame(1, b"\xe2\x82", fin=False), frame(0, b"\xe2\x82"), frame(9, b"")]

#: A ping between the parts of a message doesn't end it: what follows may not begin another one.
INTERRUPTED = [frame(1, b"one", fin=False), frame(9, b""), frame(1, b"another")]


@PROFILE
@given(CONVERSATIONS, PLACES, st.booleans())
@example((False, INVALID), [], False)
@example((False, INTERRUPTED), [], True)
def test_frames(listener, conversation, places, by_frames):
    """Whatever a client sends: the application gets the messages that websockets would read, and
    the client is answered, or closed with the same code; others are served as before.
    """
    deflate, frames = conversation
    stream = b"".join(frames)
    client = Client(deflate=deflate)
    # Which frames are read together is chance. It matters where text is invalid: what came with it
    # may have been answered by then, or have ended the connection with another code.
    slow = foresee(client.handshake, [stream[at : at + 1] for at in range(len(stream))])
    fast = foresee(client.handshake, [stream])
    listener.messages.clear()
    pieces = [client.handshake, *divide(frames, places, by_frames=by_frames)]
    answer = listener.run(listener.talk(pieces, until_closed=slow.code is not None))
    listener.run(listener.rest())
    got = client.understand(answer)
    assert listener.messages == slow.messages == fast.messages
    assert got.code in (slow.code, fast.code)
    assert slow.pongs == got.pongs[: len(slow.pongs)]
    assert got.pongs == fast.pongs[: len(got.pongs)]
    assert got.messages == slow.messages[: len(got.messages)]
    listener.run(listener.say_hello())
    listener.run(listener.rest())
