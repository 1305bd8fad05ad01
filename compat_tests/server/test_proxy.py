"""Headers of a proxy that are believed, and the prefix that it serves under."""

from __future__ import annotations

import pytest

from channels_bridge.server.access_log import client_name
from channels_bridge.server.errors import StartupError
from channels_bridge.server.proxy import Proxy
from compat_tests.engine import Script
from compat_tests.server.websocket.small_applications import echo, status_of


def scope(client=("10.0.0.1", 5000), path="/ws/", server=("10.0.0.9", 80), **headers):
    """The scope of a connection, with these headers."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    raw_path = path.encode()
    described = {
        "client": client,
        "server": server,
        "scheme": "ws",
        "headers": pairs,
        "root_path": "",
    }
    return {**described, "path": path, "raw_path": raw_path}


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded_for", "client"),
    [
        ((), "10.0.0.1", "203.0.113.7", "10.0.0.1"),
        (("10.0.0.2",), "10.0.0.1", "203.0.113.7", "10.0.0.1"),
        (("10.0.0.1",), "10.0.0.1", "203.0.113.7", "203.0.113.7"),
        (("10.0.0.0/8",), "10.0.0.1", "198.51.100.1, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
        (("10.0.0.0/8",), "10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        (("*",), "203.0.113.9", "198.51.100.1, 10.2.2.2", "198.51.100.1"),
        (("::1",), "::1", "2001:db8::7", "2001:db8::7"),
        (("10.0.0.1",), "10.0.0.1", "unknown", "unknown"),
        (("10.0.0.1",), "10.0.0.1", "", "10.0.0.1"),
        (("10.0.0.0/8",), "::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
    ],
)
def test_client(trusted, peer, forwarded_for, client):
    """The client is the last address that is no trusted proxy's; nobody else is believed."""
    described = scope((peer, 5000), x_forwarded_for=forwarded_for)
    Proxy(trusted=trusted).apply(described)
    assert described["client"][0] == client


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("203.0.113.9:50512", ("203.0.113.9", 50512)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
        ("[2001:db8::1]", ("2001:db8::1", 0)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("203.0.113.9:50512, 10.1.1.1:443, 10.2.2.2:8080", ("203.0.113.9", 50512)),
        ("198.51.100.1:1,203.0.113.9:50512,[fd00::9]:80", ("203.0.113.9", 50512)),
        ("10.1.1.1:5, [fd00::9]:80", ("10.1.1.1", 5)),
        ("client.example:80", ("client.example", 80)),
        ("203.0.113.9:99999", ("203.0.113.9:99999", 0)),
        ("203.0.113.9:http", ("203.0.113.9:http", 0)),
        ("203.0.113.9:", ("203.0.113.9:", 0)),
        ("[2001:db8::1", ("[2001:db8::1", 0)),
        ("[10.1.1.1]x", ("[10.1.1.1]x", 0)),
    ],
)
def test_ports(forwarded_for, client):
    """Addresses may have a port, which the client keeps; inner proxies are trusted with theirs."""
    described = scope(x_forwarded_for=forwarded_for)
    Proxy(trusted=("10.0.0.0/8", "fd00::/8")).apply(described)
    assert described["client"] == client


async def test_limits_of_addresses_with_ports(serve):
    """A client counts as one address, whichever ports it comes from, and is logged safely."""
    app = Script(echo)
    proxy = Proxy(trusted=("127.0.0.1",))
    engine = await serve(app, proxy=proxy, max_connections_per_address=1)
    async with engine.connect(additional_headers={"X-Forwarded-For": "203.0.113.9:50512"}):
        headers = {"X-Forwarded-For": "203.0.113.9:50513"}
        assert (await status_of(engine, additional_headers=headers)).status_code == 429
        headers = {"X-Forwarded-For": "203.0.113.10:50512"}
        async with engine.connect(additional_headers=headers):
            pass
    assert client_name(("\x9b31m\r\n", 0)) == "\\x9b31m\\r\\n:0"


def test_unix_socket():
    """A peer on a unix socket has no address: it is trusted by the name ``unix``."""
    described = scope(None, server=("/run/s.sock", None), x_forwarded_for="203.0.113.7")
    Proxy(trusted=("10.0.0.0/8",)).apply(described)
    assert described["client"] is None
    Proxy(trusted=("unix",)).apply(described)
    assert described["client"] == ("203.0.113.7", 0)


def test_a_reset_connection_is_no_unix_socket():
    """A TCP client that has reset its connection has no address either, and is not trusted."""
    described = scope(None, x_forwarded_for="203.0.113.7")
    Proxy(trusted=("unix",)).apply(described)
    assert described["client"] is None


@pytest.mark.parametrize(
    ("trusted", "proto", "scheme"),
    [((), "https", "ws"), (("10.0.0.1",), "https", "wss"), (("10.0.0.1",), "http", "ws")],
)
def test_scheme(trusted, proto, scheme):
    """A trusted proxy that has ended TLS makes the scheme a secure one."""
    described = scope(x_forwarded_proto=proto)
    Proxy(trusted=trusted).apply(described)
    assert described["scheme"] == scheme


@pytest.mark.parametrize(
    ("path", "full"),
    [("/ws/", "/app/ws/"), ("/app/ws/", "/app/ws/"), ("/app", "/app"), ("/apple/", "/app/apple/")],
)
def test_root_path(path, full):
    """``path`` has the prefix, whether the proxy took it away or not."""
    described = scope(path=path)
    Proxy(root_path="/app/").apply(described)
    assert described["root_path"] == "/app"
    assert described["path"] == full
    assert described["raw_path"] == full.encode()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"trusted": ("10.0.0.1x",)}, "'10.0.0.1x'"), ({"root_path": "app"}, "start with a slash")],
)
def test_mistakes(options, words):
    """An entry that can't be meant is named."""
    with pytest.raises(StartupError, match=words):
        Proxy(**options)


async def test_both_protocols(serve):
    """Pages and WebSockets are told the same about their client and prefix."""
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["client"], scope["root_path"], scope["path"], scope["scheme"]))
        if scope["type"] == "websocket":
            await echo(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    proxy = Proxy(root_path="/app", trusted=("127.0.0.1",))
    engine = await serve(Script(app), proxy=proxy)
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    await engine.request(
        f"GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n".encode()
    )
    async with engine.connect("/page", additional_headers=headers):
        pass
    client = ("203.0.113.7", 0)
    assert seen == [(client, "/app", "/app/page", scheme) for scheme in ("https", "wss")]
