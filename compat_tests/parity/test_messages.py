"""Messages that consumers receive and send once a connection is open."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed

from compat_tests.parity.site import Site

ECHO = pytest.mark.parametrize("path", ["/echo/", "/sync-echo/"])
JSON = pytest.mark.parametrize("path", ["/json/", "/sync-json/"])


@ECHO
@pytest.mark.parametrize("message", ["hello", "Grüße, 世界 🌍", b"\x00\xff bytes"])
def test_echo(site: Site, path: str, message: str | bytes) -> None:
    """Text comes back as text and bytes as bytes, unchanged."""
    with site.connect(path) as websocket:
        websocket.send(message)
        assert websocket.recv(10) == message


@ECHO
def test_order(site: Site, path: str) -> None:
    """Messages are handled in the order in which they were sent."""
    messages = [str(number) for number in range(100)]
    with site.connect(path) as websocket:
        for message in messages:
            websocket.send(message)
        assert [websocket.recv(10) for _ in messages] == messages


def test_large_message(site: Site) -> None:
    """A message of half a mebibyte passes in both directions."""
    message = "x" * 2**19
    with site.connect("/echo/") as websocket:
        websocket.send(message)
        assert websocket.recv(10) == message


def test_fragmented_message(site: Site) -> None:
    """A message in several frames is one message to the consumer."""
    with site.connect("/echo/") as websocket:
        websocket.send(["one ", "message ", "in pieces"])
        assert websocket.recv(10) == "one message in pieces"


@JSON
def test_json(site: Site, path: str) -> None:
    """JSON consumers decode what they receive and encode what they send."""
    with site.connect(path) as websocket:
        websocket.send(json.dumps({"a": [1, None, "ü"]}))
        assert json.loads(websocket.recv(10)) == {"got": {"a": [1, None, "ü"]}}


def test_one_at_a_time(site: Site) -> None:
    """A consumer handles its next message when it is done with the one before."""
    with site.connect("/slow/") as websocket:
        for number in range(5):
            websocket.send(str(number))
        assert [websocket.recv(10) for _ in range(5)] == [f"{number} 1" for number in range(5)]


def test_initkwargs(site: Site) -> None:
    """Arguments of ``as_asgi()`` are given to the consumer."""
    with site.connect("/initkwargs/") as websocket:
        assert websocket.recv(10) == "Good evening"


def test_ping(site: Site) -> None:
    """A client's ping is answered while the connection is open."""
    with site.connect("/echo/") as websocket:
        assert websocket.ping(b"are you there").wait(10)


def test_empty_frames_sent(ours: Site) -> None:
    """Empty messages are sent like any other."""
    with ours.connect("/empty/") as websocket:
        assert [websocket.recv(10) for _ in range(3)] == ["", b"", "end"]


def test_empty_frames_received(ours: Site) -> None:
    """An empty message from a client reaches ``receive()``, which may ignore or answer it."""
    with ours.connect("/echo/") as websocket:
        websocket.send(b"")
        websocket.send("after")
        assert websocket.recv(10) == b""
        assert websocket.recv(10) == "after"


def test_message_over_the_limit(ours: Site) -> None:
    """A message over the size limit closes the connection with 1009."""
    connection = f"huge-{ours.name}"
    with ours.connect(f"/echo/?id={connection}") as websocket:
        with pytest.raises(ConnectionClosed) as caught:
            websocket.send(b"x" * (17 * 2**20))
            websocket.recv(10)
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009
    assert ours.wait_for_disconnect(connection) == 1009


def test_invalid_utf8(ours: Site) -> None:
    """Text that is not UTF-8 closes the connection with 1007."""
    connection = f"utf8-{ours.name}"
    with ours.connect(f"/echo/?id={connection}") as websocket:
        websocket.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed) as caught:
            websocket.recv(10)
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1007
    assert ours.wait_for_disconnect(connection) == 1007
