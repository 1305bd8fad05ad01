"""Handshakes of the resume protocol: what is understood, what is ignored, what is left of a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_bridge.resume.negotiation import POSITIONS, Negotiation, parse, split_query
from channels_bridge.server.websocket.asgi_scope import EXTENSION
from compat_tests.resume.vectors import VECTORS


@pytest.mark.parametrize("vector", VECTORS["handshakes"], ids=lambda vector: vector["name"])
def test_vectors(vector):
    """The published handshakes are understood as they say."""
    asked = parse(vector["value"])
    if not vector["speaks"]:
        assert asked is None
        return
    claims = {
        tag: claim and [claim.epoch, claim.offset, claim.frames, claim.ticket]
        for tag, claim in asked.claims.items()
    }
    assert (asked.token, claims, asked.over) == (
        vector["token"],
        vector["positions"],
        vector["over"],
    )


def test_ten_thousand_groups():
    """Only the last hundred positions are looked at, and how many are left out is known."""
    positions = "~".join(f"t{number:07d}.e.1.k" for number in range(10_000))
    asked = parse(f"1~{positions}")
    assert len(asked.claims) == POSITIONS
    assert asked.over == 10_000 - POSITIONS
    assert "t0009999" in asked.claims and "t0009899" not in asked.claims


@pytest.mark.parametrize(
    ("query", "rest", "value"),
    [
        (b"_resume=1", b"", "1"),
        (b"a=1&_resume=1.t~x&b=%20&c", b"a=1&b=%20&c", "1.t~x"),
        (b"_resume=1&_resume=2&a=1", b"a=1", "1"),
        (b"_resume", b"", ""),
        (b"a_resume=1&_resumed=2", b"a_resume=1&_resumed=2", None),
        (b"", b"", None),
        (b"_resume=\xff", b"", "\ufffd"),
    ],
)
def test_query_without_the_parameter(query, rest, value):
    """Nothing else of the query string changes."""
    assert split_query(query) == (rest, value)


@pytest.mark.parametrize(
    ("type", "query", "rest", "is_asked"),
    [
        ("websocket", b"_resume=1&x=1", b"x=1", True),
        ("websocket", b"_resume=9&x=1", b"x=1", False),
        ("websocket", b"x=1", b"x=1", False),
        ("http", b"_resume=1", b"_resume=1", False),
    ],
)
async def test_application_never_sees_it(type, query, rest, is_asked):
    """What stands behind the negotiation sees neither the parameter nor a trace of it."""
    seen = []

    async def application(scope, receive, send):
        seen.append(scope)

    scope = {"type": type, "query_string": query, "extensions": {EXTENSION: {}}}
    await Negotiation(application)(scope, None, None)
    (scope,) = seen
    assert scope["query_string"] == rest
    assert bool(scope["extensions"][EXTENSION]) == is_asked


async def test_other_servers_are_left_alone():
    """Where there is no connection of ours, the parameter goes and that is all."""
    seen = []

    async def application(scope, receive, send):
        seen.append(scope)

    await Negotiation(application)({"type": "websocket", "query_string": b"_resume=1"}, None, None)
    assert seen == [{"type": "websocket", "query_string": b""}]


@given(st.text(alphabet="1~.%7E0aZ_-é\x00", max_size=300))
def test_whatever_is_claimed(value):
    """No value is an error, and what is understood is within its bounds."""
    asked = parse(value)
    if asked is not None:
        assert len(asked.claims) <= POSITIONS
        for tag, claim in asked.claims.items():
            assert len(tag) == 8
            assert claim is None or 0 <= claim.offset < 10**15 > claim.frames >= 0


@given(st.binary(max_size=300))
def test_whatever_is_asked(query):
    """No query string is an error."""
    rest, value = split_query(query + b"&_resume=1")
    assert value is not None
    assert split_query(rest) == (rest, None)
