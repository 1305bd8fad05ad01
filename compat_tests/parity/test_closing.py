"""Closing a connection, and what both sides are told."""

from __future__ import annotations

import json
import socket

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import ClientConnection

from compat_tests.clients.raw_connection import reset_when_closed
from compat_tests.parity.site import Site

ECHO = pytest.mark.parametrize("path", ["/echo/", "/sync-echo/"])


def close_received(websocket: ClientConnection) -> Close | None:
    """Wait for the end of the connection. Returns what the server's close frame said."""
    with pytest.raises(ConnectionClosed) as caught:
        websocket.recv(10)
    return caught.value.rcvd


@ECHO
def test_client_closes(site: Site, path: str) -> None:
    """``disconnect()`` runs once, with the client's code."""
    connection = f"closes-{path}-{site.name}"
    with site.connect(f"{path}?id={connection}") as websocket:
        websocket.close(4321, "bye")
    assert site.wait_for_disconnect(connection) == 4321


@ECHO
def test_client_vanishes(site: Site, path: str) -> None:
    """``disconnect()`` runs once when the TCP connection is reset."""
    connection = f"vanishes-{path}-{site.name}"
    with site.connect(f"{path}?id={connection}") as websocket:
        websocket.send("hello")
        websocket.recv(10)
        reset(websocket.socket)
    code = site.wait_for_disconnect(connection)
    assert code in {1005, 1006} if site.name == "uvicorn" else code == 1006


def reset(sock: socket.socket) -> None:
    """Drop a connection without the closing handshake."""
    reset_when_closed(sock)
    sock.shutdown(socket.SHUT_RDWR)


def test_consumer_closes(site: Site) -> None:
    """The client gets the code that the consumer closes with, and so does ``disconnect()``."""
    connection = f"consumer-{site.name}"
    with site.connect(f"/close/?id={connection}") as websocket:
        websocket.send(json.dumps({"code": 4123, "reason": "go home"}))
        close = close_received(websocket)
    assert close is not None and close.code == 4123
    assert site.wait_for_disconnect(connection) == 4123


def test_consumer_closes_without_code(site: Site) -> None:
    """``close()`` alone is code 1000."""
    with site.connect("/close/") as websocket:
        websocket.send("{}")
        close = close_received(websocket)
    assert close is not None and close.code == 1000


def test_close_reason(ours: Site) -> None:
    """The client gets the reason that the consumer closes with."""
    with ours.connect("/close/") as websocket:
        websocket.send(json.dumps({"code": 4123, "reason": "go home"}))
        assert close_received(websocket) == Close(4123, "go home")


@pytest.mark.parametrize("message, code", [("", 1000), ("4444", 4444)])
def test_send_and_close(site: Site, message: str, code: int) -> None:
    """``send(..., close=...)`` sends its message first, then closes."""
    with site.connect("/last-word/") as websocket:
        websocket.send(message or b"\x00", text=bool(message))
        assert websocket.recv(10) == "bye"
        close = close_received(websocket)
    assert close is not None and close.code == code


@pytest.mark.parametrize("code", [1001, 1011, 1012, 3000, 4999])
def test_close_codes_allowed(ours: Site, code: int) -> None:
    """Every close code that RFC 6455 lets a server send is sent."""
    with ours.connect("/close/") as websocket:
        websocket.send(json.dumps({"code": code}))
        close = close_received(websocket)
    assert close is not None and close.code == code


def test_sends_after_the_client_left(ours: Site) -> None:
    """What a consumer sends after its client has left goes nowhere, without an error."""
    connection = f"left-{ours.name}"
    with ours.connect(f"/send-after-leave/?id={connection}"):
        pass
    ours.wait_for_event(connection, "sent")
