"""The strings that say where the server listens, and where the hub is."""

from __future__ import annotations

import os

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from channels_bridge.common.unix_sockets import MAX_PATH
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.server.bind import MAX_FD, FdBind, TcpBind, UnixBind, parse_bind, parse_binds
from channels_bridge.server.errors import BindError
from channels_bridge.server.listen import listen
from compat_tests.fuzz.profile import PROFILE

PARTS = st.sampled_from(
    ["unix:", "fd:", "//", "/", "run", "localhost", "0", ":", "[", "]", "::1", "8765", "9" * 5000]
    + [" ", "\0", "\n", "é", "\ud800", "."]
)
TEXTS = st.text() | st.lists(PARTS, max_size=6).map("".join)


@PROFILE
@given(TEXTS)
@example("a:" + "9" * 5000)
@example("fd:" + "9" * 5000)
@example("fd:2147483648")
@example("unix:/run/\0")
@example("unix:/run/\ud800")
@example("a\n:b:80")
@example("[]:80")
def test_bind(text):
    """A string is an address that can be tried, or gives one error, in one line."""
    try:
        bind = parse_bind(text)
    except BindError as error:
        assert str(error).isprintable()
        return
    match bind:
        case TcpBind():
            assert 0 <= bind.port <= 65535
            assert bind.host or text.startswith(":")
        case UnixBind():
            assert os.path.isabs(bind.path)
            assert len(os.fsencode(bind.path)) <= MAX_PATH
            assert "\0" not in bind.path
        case FdBind():
            assert 0 <= bind.fd <= MAX_FD


@PROFILE
@given(st.lists(TEXTS, max_size=4))
def test_binds(texts):
    """Several strings are as many addresses, or give one error."""
    try:
        binds = parse_binds(texts)
    except BindError as error:
        assert str(error).isprintable()
    else:
        assert list(binds) == list(map(parse_bind, texts))


@PROFILE
@given(st.text(min_size=1, max_size=130))
@example(".")
@example("x/")
@example("é" * 60)
def test_listening(directory, name):
    """At each path is listened, and nothing stays, or there is one error."""
    assume("/" not in name[:-1])
    try:
        listeners = listen([parse_bind(f"unix:{directory}/{name}")])
    except BindError as error:
        assert str(error).isprintable()
    else:
        for listener in listeners:
            listener.close()
    assert not list(directory.iterdir())


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("sockets")


@PROFILE
@given(TEXTS)
@example("unix:////x")
@example("[:1")
@example("a:" + "9" * 5000)
@example("::1%eth0:1")
@example("unix:/\ud800")
def test_address(text):
    """A string is an address, which is spelt in one way, or gives one error."""
    try:
        address = Address.parse(text)
    except ValueError as error:
        assert str(error).startswith("address ")
    else:
        assert Address.parse(str(address)) == address
        assert (address.path is None) != (address.port == 0)
