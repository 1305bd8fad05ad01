"""The scope: what a consumer is told about its connection."""

from __future__ import annotations

import json
from typing import Any

from websockets.sync.client import ClientConnection

from compat_tests.parity.site import USER, Site


def scope(site: Site, path: str, **options: Any) -> dict[str, Any]:
    """Connect and let the consumer say its scope."""
    with site.connect(path, **options) as websocket:
        return json.loads(websocket.recv(10))


def test_path_and_query(site: Site) -> None:
    """The path is decoded, the raw path and the query are not."""
    told = scope(site, "/scope/caf%C3%A9/?room=a%20b&x=1")
    assert told["type"] == "websocket"
    assert told["path"] == "/scope/café/"
    assert told["raw_path"] == "/scope/caf%C3%A9/"
    assert told["query_string"] == "room=a%20b&x=1"
    assert told["root_path"] == ""


def test_headers(site: Site) -> None:
    """Header names are in lower case, values as the client sent them."""
    told = scope(site, "/scope/", additional_headers={"X-Mixed-Case": "Some Value"})
    assert ["x-mixed-case", "Some Value"] in told["headers"]


def test_cookies(site: Site) -> None:
    """Cookies are parsed by Channels' middleware."""
    told = scope(site, "/scope/", additional_headers={"Cookie": "a=1; b=two"})
    assert told["cookies"] == {"a": "1", "b": "two"}


def test_subprotocols(site: Site) -> None:
    """Subprotocols are in the client's order."""
    assert scope(site, "/scope/", subprotocols=["z", "a"])["subprotocols"] == ["z", "a"]


def test_keys(site: Site) -> None:
    """Every key is there that Daphne and Channels provide."""
    assert set(scope(site, "/scope/")["keys"]) >= {
        "asgi", "client", "cookies", "headers", "path", "path_remaining", "query_string",
        "raw_path", "root_path", "server", "session", "subprotocols", "type", "url_route", "user",
    }  # fmt: skip


def test_addresses(site: Site) -> None:
    """``client`` and ``server`` are address and port; on a unix socket there are none."""
    told = scope(site, "/scope/")
    if site.name.endswith("-unix"):
        assert told["client"] is None
    else:
        assert told["client"][0] == "127.0.0.1" and isinstance(told["client"][1], int)
        assert told["server"] == ["127.0.0.1", site.server.port]


def test_named_group(site: Site) -> None:
    """Named groups of a route become keyword arguments."""
    told = scope(site, "/scope/kitchen/")
    assert told["url_route"] == {"args": [], "kwargs": {"name": "kitchen"}}


def test_nested_routers(site: Site) -> None:
    """Arguments of nested routers are merged."""
    told = scope(site, "/nested/attic/7/")
    assert told["url_route"] == {"args": [], "kwargs": {"section": "attic", "number": 7}}
    told = scope(site, "/nested/attic/3/4/")
    assert told["url_route"]["args"] == ["3", "4"]
    assert told["url_route"]["kwargs"] == {"section": "attic"}


def test_anonymous(site: Site) -> None:
    """Without a session the user is anonymous."""
    assert scope(site, "/scope/")["user"] == ""


def log_in(site: Site) -> str:
    """Log in over HTTP. Returns the session's cookie."""
    form = "&".join(f"{key}={value}" for key, value in USER.items()).encode()
    response = site.request(
        "POST", "/login/", form, content_type="application/x-www-form-urlencoded"
    )
    assert (response.status, response.content) == (200, b"Hello, ada")
    return response.headers["Set-Cookie"].partition(";")[0]


def test_logged_in(site: Site) -> None:
    """A user who logged in over HTTP is the WebSocket's user."""
    cookie = log_in(site)
    told = scope(site, "/scope/", additional_headers={"Cookie": cookie})
    assert told["user"] == "ada"
    assert cookie == f"sessionid={told['session']}"


def test_user_stays(site: Site) -> None:
    """O4: who logs out elsewhere stays the user of the WebSockets that are open."""
    headers = {"Cookie": log_in(site)}
    with site.connect("/account/", additional_headers=headers) as websocket:
        assert ask(websocket, "who?")[:2] == ["ada", "ada"]
        assert site.request("POST", "/logout/", **headers).content == b"Goodbye"
        assert ask(websocket, "who?")[:2] == ["ada", "ada"]
        assert scope(site, "/scope/", additional_headers=headers)["user"] == ""


def test_login_and_logout(site: Site) -> None:
    """O4: ``login()`` and ``logout()`` set the user and the session, which other
    connections share.
    """
    with site.connect("/account/") as websocket:
        assert ask(websocket, "who?")[:2] == ["", ""]
        *names, session = ask(websocket, "ada")
        assert names == ["ada", "ada"]
        headers = {"Cookie": f"sessionid={session}"}
        assert scope(site, "/scope/", additional_headers=headers)["user"] == "ada"
        assert ask(websocket, "nobody") == ["", "", None]
        assert scope(site, "/scope/", additional_headers=headers)["user"] == ""


def ask(websocket: ClientConnection, text: str) -> Any:
    websocket.send(text)
    return json.loads(websocket.recv(10))
