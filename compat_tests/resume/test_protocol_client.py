"""The client that tests use notices what a server may not say."""

from __future__ import annotations

import base64
import json
from dataclasses import astuple
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from compat_tests.resume.protocol_client import Frame, ProtocolClient, Standing

HELLO = '!{"t":"hello","v":1,"beat":25,"retry":[0.1,30],"c":"token"}'
AT = '!{"t":"at","g":"AbCdEfGh","e":"e1","o":%d,"k":"k1","r":"%s"}'


def client(*messages: str | bytes) -> ProtocolClient:
    """One that has been told these after it had joined a group at 3."""
    result = ProtocolClient()
    assert result.begin() == "_resume=1"
    for message in (HELLO, AT % (3, "new"), *messages):
        result.hear(message)
    return result


def test_positions() -> None:
    """A frame moves the position, in part or whole, and the next handshake says so."""
    one = client("AbCdEfGh:4;a", b"AbCdEfGh:5.0;b")
    assert one.standings == {"AbCdEfGh": Standing("e1", 4, 1, "k1")}
    assert one.begin() == "_resume=1.token~AbCdEfGh.e1.4.1.k1"
    assert client(b"AbCdEfGh:5.0;", '!{"t":"at","g":"AbCdEfGh","o":5}').begin().count(".5.k1") == 1


def test_payloads() -> None:
    """The page gets what stands behind the header."""
    one = client()
    assert one.hear("AbCdEfGh:4;a;b") == Frame("a;b", "AbCdEfGh", 4)
    assert one.hear(b"AbCdEfGh:5;\xff;") == Frame(b"\xff;", "AbCdEfGh", 5)
    assert one.hear(";direct") == Frame("direct")
    assert not one.complaints


def test_plain_server() -> None:
    """Without a hello all that comes is the application's."""
    one = ProtocolClient()
    one.begin()
    assert one.hear("AbCdEfGh:4;a") == Frame("AbCdEfGh:4;a")
    assert one.speaks is False


@pytest.mark.parametrize(
    "messages",
    [
        ("AbCdEfGh:3;again",),
        ("AbCdEfGh:5;", "AbCdEfGh:4;late"),
        ("AbCdEfGh:4.0;", "AbCdEfGh:4.0;again"),
        ("AbCdEfGh:4.1;",),
        (AT % (2, "ok"),),
        ("no header",),
    ],
)
def test_complaints(messages: tuple[str, ...]) -> None:
    """What came twice, late or from nowhere is written down."""
    assert len(client(*messages).complaints) == 1


def test_gap() -> None:
    """After a gap the position may be any."""
    one = client('!{"t":"at","g":"AbCdEfGh","e":"e1","o":1,"r":"gap","why":"failed"}')
    assert one.standings["AbCdEfGh"].offset == 1
    assert not one.complaints
    # Told in two steps; once.
    at = '!{"t":"at","g":"AbCdEfGh","e":"e1","o":%d,"k":"k2"}'
    one = client('!{"t":"at","g":"AbCdEfGh","r":"gap","why":"unknown"}')
    assert one.standings["AbCdEfGh"].offset == 3
    one.hear(at % 1)
    assert one.standings["AbCdEfGh"].offset == 1 and not one.complaints
    one.hear(at % 0)
    assert one.complaints


TALKS = json.loads(Path(__file__).with_name("vectors.json").read_text())["talks"]


@pytest.mark.parametrize("spoken", TALKS, ids=lambda spoken: spoken["name"])
def test_vectors(spoken: dict[str, Any]) -> None:
    """Its positions and handshakes are those of the published vectors."""
    one = ProtocolClient()
    for step in spoken["steps"]:
        ((kind, value),) = step.items()
        if kind == "from":
            one.start_from(value)
        elif kind == "connect":
            assert unquote(one.begin()) == f"_resume={value}"
        elif kind in ("text", "base64"):
            one.hear(value if kind == "text" else base64.b64decode(value))
        elif kind == "positions":
            standings = {tag: list(astuple(each)) for tag, each in one.standings.items()}
            assert standings == value
        elif kind == "closes" and value == 4400:
            assert one.complaints
