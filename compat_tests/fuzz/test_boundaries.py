"""Request smuggling: this server sees no end of a request where another parser sees none."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compat_tests.engine import read_body
from compat_tests.fuzz.boundaries import SMUGGLED, foresee, good_requests, read_answers, streams
from compat_tests.fuzz.listener import Listener, cut
from compat_tests.fuzz.profile import PROFILE

PLACES = st.lists(st.integers(0, 10_000), max_size=5)
HELLO = (
    b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"Content-Length: 5\r\n\r\nhello"
)


async def application(scope, receive, send):
    """Says what it was asked; WebSockets are denied, so that no answer is one of theirs."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
        return
    if (body := await read_body(receive)) is None:
        return
    seen = b"%b %b %b" % (scope["method"].encode(), scope["raw_path"], body)
    headers = [(b"content-length", b"%d" % len(seen))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": seen})


@pytest.fixture(scope="module")
def listener():
    """One engine for all examples."""
    listener = Listener(application)
    yield listener
    listener.close()


@PROFILE
@given(st.lists(good_requests(), max_size=3), good_requests(b"Connection: close"), PLACES)
@example([HELLO, HELLO], HELLO.replace(b"Upgrade,", b"close, Upgrade,"), [])
def test_good_requests(listener, requests, last, places):
    """Each request is answered, and gets its own body, whatever protocol it offers to change to."""
    stream = b"".join([*requests, last])
    answer = listener.run(listener.talk(cut(stream, places), until_closed=True))
    expected = [(200, b"%b %b %b" % exchange) for exchange in foresee(stream)]
    assert len(expected) == len(requests) + 1
    assert list(read_answers(answer)) == expected
    listener.run(listener.rest())


@PROFILE
@given(streams(), PLACES)
@example(HELLO.replace(b"POST", b"CONNECT"), [])
@example(HELLO.replace(b"h2c", b"websocket") + SMUGGLED, [150])
def test_doubtful_requests(listener, stream, places):
    """No request is made of what may be another's body, and none gets a body that may not be its.

    What is refused is the last that is answered.
    """
    answers = list(read_answers(listener.run(listener.talk(cut(stream, places)))))
    expected = [(200, b"%b %b %b" % exchange) for exchange in foresee(stream)]
    served = [answer for answer in answers if answer[0] == 200]
    assert served == expected[: len(served)]
    assert answers[: len(served)] == served
    assert len(answers) <= len(served) + 1
    listener.run(listener.rest())
