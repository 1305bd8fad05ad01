"""Requests to JetStream, repeated until its nodes answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import Reply
from channels_bridge.groups.nats.jetstream.jetstream_api import JetStream, JetStreamError

NO_RESPONDERS = Reply(b"", 503, "No Responders")
FINE = Reply(b'{"success": true}')


def error(code: int) -> Reply:
    """A refusal."""
    return Reply(json.dumps({"error": {"err_code": code, "description": "so it is"}}).encode())


class Node:
    """Answers each request by the next of some replies; None is silence."""

    def __init__(self, *replies: Reply | NatsUnavailable | None, jetstream: bool = True) -> None:
        self.replies = list(replies)
        self.info = SimpleNamespace(jetstream=jetstream)
        self.trouble = None

    async def request(self, subject: str, payload: bytes, **options: Any) -> Reply:
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply is None:
            raise NatsUnavailable("no answer")
        if isinstance(reply, NatsUnavailable):
            raise reply
        return reply


Ask = Callable[..., Any]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks a node for something, for a moment."""
    monkeypatch.setattr("channels_bridge.groups.nats.jetstream.jetstream_api.PAUSE", 0.001)

    async def ask(node: Node) -> dict[str, Any]:
        until = asyncio.get_running_loop().time() + 0.1
        return await JetStream(cast(NatsConnection, node)).ask("INFO", until=until)

    return ask


@pytest.mark.parametrize("passing", [None, error(10008), error(10118), NO_RESPONDERS])
async def test_repeats(ask: Ask, passing: Reply | None) -> None:
    """Silence and "not now" pass."""
    assert await ask(Node(passing, passing, FINE)) == {"success": True}


@pytest.mark.parametrize(("first", "may_be_done"), [(None, True), (error(10008), False)])
async def test_refusal(ask: Ask, first: Reply | None, may_be_done: bool) -> None:
    """What JetStream refuses is told, and whether it may have done it already."""
    with pytest.raises(JetStreamError, match="so it is") as refusal:
        await ask(Node(first, error(10059)))
    assert refusal.value.code == 10059
    assert refusal.value.may_be_done is may_be_done
    assert refusal.value.refuses


@pytest.mark.parametrize("node", [Node(NO_RESPONDERS, jetstream=False), Node(error(10039))])
async def test_off(ask: Ask, node: Node) -> None:
    """Where JetStream is off no waiting helps."""
    with pytest.raises(NatsUnavailable, match="write `jetstream {}`") as refusal:
        await ask(node)
    assert refusal.value.refuses


async def test_forbidden(ask: Ask) -> None:
    """Neither does it where the user may not ask."""
    with pytest.raises(NatsUnavailable, match="may not") as refusal:
        await ask(Node(NatsUnavailable("this user may not", refuses=True)))
    assert refusal.value.refuses


@pytest.mark.parametrize("reply", [None, error(10008), NO_RESPONDERS])
async def test_time_is_up(ask: Ask, reply: Reply | None) -> None:
    """In the end the caller is told what to look at."""
    with pytest.raises(NatsUnavailable, match="more than half of them must run") as trouble:
        await ask(Node(reply))
    assert not trouble.value.refuses


@pytest.mark.parametrize("payload", [b"", b"[]", b"\xff", b"{"])
async def test_unreadable(ask: Ask, payload: bytes) -> None:
    """An answer that isn't JetStream's is told as it is."""
    with pytest.raises(NatsUnavailable, match="JetStream answers"):
        await ask(Node(Reply(payload)))


async def test_nowhere_to_store(ask: Ask) -> None:
    """Whether a stream has the subject is the caller's business."""
    node, until = Node(NO_RESPONDERS), asyncio.get_running_loop().time() + 0.1
    jetstream = JetStream(cast(NatsConnection, node))
    assert not await jetstream.store("subject", b"", {}, until=until)
