"""Handshakes: WebSockets that are accepted or refused."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from compat_tests.clients.raw_bytes import handshake
from compat_tests.parity.site import Site
from compat_tests.servers import wait_for


def refused(site: Site, path: str, **options: object) -> InvalidStatus:
    """Connect where the site must refuse. Returns the error with the response."""
    with pytest.raises(InvalidStatus) as caught:
        site.connect(path, **options)
    return caught.value


def test_default_is_to_accept(site: Site) -> None:
    """A consumer without ``connect()`` accepts."""
    with site.connect("/json/") as websocket:
        assert websocket.response.status_code == 101


def test_subprotocol_chosen(site: Site) -> None:
    """The client gets the subprotocol that the consumer accepted."""
    with site.connect("/subprotocol/", subprotocols=["chat.v1", "chat.v2"]) as websocket:
        assert websocket.subprotocol == "chat.v2"


def test_no_subprotocol_chosen(site: Site) -> None:
    """Without a choice by the consumer there is no subprotocol."""
    with site.connect("/subprotocol/", subprotocols=["chat.v1"]) as websocket:
        assert websocket.subprotocol is None


@pytest.mark.parametrize("path", ["/deny/", "/close-in-connect/"])
def test_denied(site: Site, path: str) -> None:
    """``DenyConnection`` or ``close()`` in ``connect()`` is a 403; ``disconnect()`` runs
    with 1006.
    """
    connection = f"denied{path}{site.name}"
    assert refused(site, f"{path}?id={connection}").response.status_code == 403
    assert site.wait_for_disconnect(connection) == 1006


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_wrong_origin(site: Site, origin: str) -> None:
    """AllowedHostsOriginValidator refuses other sites with 403."""
    assert refused(site, "/echo/", origin=origin).response.status_code == 403


def test_wrong_origin_is_named(ours: Site) -> None:
    """An unmodified validator's denial is a line in the log (channels#2062)."""
    line = "A WebSocket from pages of 'http://named.example' was denied"

    def named() -> bool:  # at once, unless another origin had its line just now
        refused(ours, "/echo/", origin="http://named.example")
        return line in ours.log()

    assert wait_for(named, 30)


def test_accept_headers(ours: Site) -> None:
    """Headers given to ``accept()`` are part of the response."""
    with ours.connect("/headers/") as websocket:
        assert websocket.response.headers["X-Lobby"] == "open"
        assert websocket.response.headers["Set-Cookie"] == "seat=7"


def test_denial_response(ours: Site) -> None:
    """An application may refuse with a response of its own."""
    response = refused(ours, "/raw/denial/").response
    assert response.status_code == 418
    assert response.headers["X-Why"] == "full"
    assert response.body == b"no seat left"


def test_unknown_route(ours: Site) -> None:
    """A path without a route is a 404, and no traceback in the log."""
    assert refused(ours, "/no/such/route/").response.status_code == 404
    assert "Traceback" not in ours.log()


def test_returned_without_deciding(ours: Site) -> None:
    """An application that returns without accepting or refusing is a 500, at once."""
    assert refused(ours, "/raw/return/").response.status_code == 500


def test_undecided(ours: Site) -> None:
    """A consumer that never decides is a 504 after the time limit, and is told to disconnect."""
    connection = f"undecided-{ours.name}"
    error = refused(ours, f"/undecided/?id={connection}")
    assert error.response.status_code == 504
    assert ours.wait_for_disconnect(connection) == 1006


def test_client_gives_up_in_handshake(site: Site) -> None:
    """A client that leaves before the consumer has decided is a disconnect with 1006."""
    connection = f"impatient-{site.name}"
    with site.server.connect() as sock:
        sock.sendall(opening(site, f"/undecided/?id={connection}"))
        site.wait_for_event(connection, "connect")
    assert site.wait_for_disconnect(connection) in {1005, 1006}


def opening(site: Site, path: str) -> bytes:
    """A handshake from the site's own origin."""
    host = site.server.url.partition("//")[2]
    return handshake(path, f"Origin: {site.server.url}", host=host)


def test_not_a_handshake(ours: Site) -> None:
    """A handshake for a version of the protocol that does not exist gets 426 and the right one."""
    request = opening(ours, "/echo/").replace(b"Version: 13", b"Version: 99")
    with ours.server.connect() as sock:
        sock.sendall(request)
        head = sock.recv(4096)
    assert head.startswith(b"HTTP/1.1 426 ") or head.startswith(b"HTTP/1.1 400 ")
