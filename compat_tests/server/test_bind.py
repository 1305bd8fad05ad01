"""Addresses: what is understood, what is refused and in which words."""

from __future__ import annotations

import pytest

from channels_bridge.server.bind import FdBind, TcpBind, UnixBind, parse_bind, parse_binds
from channels_bridge.server.errors import BindError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:7000", TcpBind("localhost:7000", "localhost", 7000)),
        (":8000", TcpBind(":8000", "", 8000)),
        ("[::1]:80", TcpBind("[::1]:80", "::1", 80)),
        ("unix:/run/app.sock", UnixBind("unix:/run/app.sock", "/run/app.sock")),
        ("fd:3", FdBind("fd:3", 3)),
    ],
)
def test_forms(text, expected):
    """Each documented form of an address is understood."""
    assert parse_bind(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write HOST:PORT"),
        ("localhost and more", "write HOST:PORT"),
        ("redis://localhost:6379", "write HOST:PORT"),
        ("localhost:http", "'http' is not a port"),
        ("localhost:", "'' is not a port"),
        ("localhost:99999", "'99999' is not a port"),
        ("unix:", "the path is missing"),
        ("unix:/" + "x" * 200, "shorten it"),
        ("fd:x", "'x' is not a file descriptor"),
    ],
)
def test_malformed(text, words):
    """A malformed address is answered with what to write instead."""
    with pytest.raises(BindError) as raised:
        parse_bind(text)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://127.0.0.1:25002", "127.0.0.1:25002"),
        ("https://[::1]:8443/chat/?a=b", "[::1]:8443"),
        ("ws://localhost", "localhost:8000"),
        ("tcp://0.0.0.0:80", "0.0.0.0:80"),
        ("tcp:port=8000:interface=10.0.0.1", "10.0.0.1:8000"),
        ("localhost:8000/", "localhost:8000"),
        (" localhost:8000", "localhost:8000"),
        ("localhost", "localhost:8000"),
        ("0.0.0.0", "0.0.0.0:8000"),
        ("8000", "127.0.0.1:8000, or :8000 for every interface"),
        ("*:8000", "0.0.0.0:8000"),
        ("::1:8000", "[::1]:8000"),
        ("2001:db8::1:65000", "[2001:db8::1]:65000"),
        ("::", "[::]:8000"),
        ("[::1]", "[::1]:8000"),
        ("/tmp/x.sock", "unix:/tmp/x.sock"),
        ("./run/x", "unix:./run/x"),
        ("x.sock", "unix:x.sock"),
        ("UNIX:///tmp/x.sock", "unix:/tmp/x.sock"),
        ("fd://3", "fd:3"),
    ],
)
def test_what_was_meant(text, meant):
    """An address in the manner of a URL, of another server or without its port is answered with the
    address, which can be used.
    """
    with pytest.raises(BindError) as raised:
        parse_bind(text)
    assert str(raised.value).endswith(f"; write {meant}")
    assert parse_bind(meant.partition(",")[0])


@pytest.mark.parametrize("twice", [":8000", "unix:/tmp/a.sock", "fd:3"])
def test_duplicate(twice):
    """An address that is given twice is a mistake, not a second listener."""
    with pytest.raises(BindError, match="given twice"):
        parse_binds([twice, twice])
