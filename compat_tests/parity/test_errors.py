"""Consumers that fail: one traceback in the log, ``disconnect()`` once, 1011 at the client."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from compat_tests.parity.site import Site

BOTH = pytest.mark.parametrize("path", ["/raise/", "/sync-raise/"])


def fail(site: Site, url: str, *messages: str | bytes) -> int | None:
    """Open a connection, send the messages. Returns the close code that the server sends."""
    with site.connect(url) as websocket:
        for message in messages:
            websocket.send(message)
        with pytest.raises(ConnectionClosed) as caught:
            websocket.recv(10)
    return caught.value.rcvd and caught.value.rcvd.code


@BOTH
def test_raise_in_connect(site: Site, path: str) -> None:
    """An exception before the handshake is over is a 500."""
    with pytest.raises(InvalidStatus) as caught:
        site.connect(f"{path}connect/")
    assert caught.value.response.status_code == 500


@BOTH
def test_raise_in_connect_disconnects(ours: Site, path: str) -> None:
    """After an exception in ``connect()``, ``disconnect()`` runs with 1006 as nothing was
    accepted.
    """
    connection = f"connect{path}{ours.name}"
    with pytest.raises(InvalidStatus):
        ours.connect(f"{path}connect/?id={connection}")
    assert ours.wait_for_disconnect(connection) == 1006
    ours.wait_for_log("RuntimeError: raised in connect")


@BOTH
def test_raise_after_accept(ours: Site, path: str) -> None:
    """An exception in ``connect()`` after ``accept()`` closes with 1011 and disconnects."""
    connection = f"accepted{path}{ours.name}"
    assert fail(ours, f"{path}accepted/?id={connection}") == 1011
    assert ours.wait_for_disconnect(connection) == 1011


@BOTH
def test_raise_in_receive(site: Site, path: str) -> None:
    """An exception in ``receive()`` ends the connection, and no other."""
    with site.connect(f"{path}nowhere/") as bystander:
        fail(site, f"{path}receive/", "boom")
        bystander.send("still here")
        assert bystander.recv(10) == "still here"


@BOTH
def test_raise_in_receive_disconnects(ours: Site, path: str) -> None:
    """After an exception in ``receive()``, the client gets 1011 and ``disconnect()`` runs
    with it.
    """
    connection = f"receive{path}{ours.name}"
    assert fail(ours, f"{path}receive/?id={connection}", "boom") == 1011
    assert ours.wait_for_disconnect(connection) == 1011
    ours.wait_for_log("RuntimeError: raised in receive")


@BOTH
def test_raise_in_group_handler(ours: Site, path: str) -> None:
    """After an exception in a handler of a layer message, it is the same."""
    connection = f"handler{path}{ours.name}"
    assert fail(ours, f"{path}handler/?id={connection}", "group") == 1011
    assert ours.wait_for_disconnect(connection) == 1011
    ours.wait_for_log("RuntimeError: raised in handler")


def test_unknown_message_type(ours: Site) -> None:
    """A layer message without a handler is an error of the consumer."""
    connection = f"unknown-{ours.name}"
    assert fail(ours, f"/raise/nowhere/?id={connection}", "unknown") == 1011
    assert ours.wait_for_disconnect(connection) == 1011
    ours.wait_for_log("No handler for message type no.such.handler")


@BOTH
def test_raise_in_disconnect(site: Site, path: str) -> None:
    """An exception in ``disconnect()`` is logged, and ``disconnect()`` is not run again."""
    connection = f"disconnect{path}{site.name}"
    with site.connect(f"{path}disconnect/?id={connection}"):
        pass
    assert site.wait_for_disconnect(connection) == 1000
    site.wait_for_log("RuntimeError: raised in disconnect")
    assert site.disconnects(connection) == [1000]


@pytest.mark.parametrize("path", ["/json/", "/sync-json/"])
@pytest.mark.parametrize("message", ["not JSON", b'{"binary": true}'])
def test_bad_json(ours: Site, path: str, message: str | bytes) -> None:
    """What a JSON consumer cannot decode is an error of the consumer."""
    connection = f"{type(message).__name__}{path}{ours.name}"
    assert fail(ours, f"{path}?id={connection}", message) == 1011
    assert ours.wait_for_disconnect(connection) == 1011


@pytest.mark.parametrize("path", ["/send-after-close/", "/sync-send-after-close/"])
def test_send_after_own_close(ours: Site, path: str) -> None:
    """A message sent after ``close()`` is not sent; the client gets the code of ``close()``."""
    connection = f"late{path}{ours.name}"
    assert fail(ours, f"{path}?id={connection}", "go") == 4002
    assert ours.wait_for_disconnect(connection) == 4002


@pytest.mark.parametrize("path", ["/text-and-bytes/", "/bad-close-code/"])
def test_invalid_asgi_message(ours: Site, path: str) -> None:
    """A message that the ASGI specification or RFC 6455 forbids is an error of the consumer."""
    connection = f"invalid{path}{ours.name}"
    assert fail(ours, f"{path}?id={connection}", "go") == 1011
    assert ours.wait_for_disconnect(connection) == 1011


def test_stop_consumer(ours: Site) -> None:
    """``StopConsumer`` ends the consumer and closes its connection."""
    assert fail(ours, "/stop/", "stop") == 1000


def test_return_after_accept(ours: Site) -> None:
    """An application that returns has done with its connection: it is closed with 1000."""
    assert fail(ours, "/raw/return-after-accept/") == 1000
