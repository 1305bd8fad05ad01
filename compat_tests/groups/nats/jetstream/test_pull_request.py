"""A request for the next message, which can't be taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_headers import Reply
from channels_bridge.groups.nats.jetstream.pull_request import (
    NO_MESSAGE,
    PullRequest,
    read_delivery,
)

MESSAGE = Reply(b"hello", reply="$JS.ACK.stream.consumer.1.7.3.1500000000.0")


class Node:
    """Takes one request, and answers it when the test says so."""

    def __init__(self) -> None:
        self.answer: Callable[[Reply], None] | None = None

    def request_many(
        self, subject: str, payload: bytes, on_reply: Callable[[Reply], None], **_: Any
    ) -> Callable[[], None]:
        self.answer = on_reply
        return self.forget

    def forget(self) -> None:
        self.answer = None

    def send(self, reply: Reply) -> None:
        """Answer the request."""
        assert self.answer is not None
        self.answer(reply)


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def unwanted() -> list[Reply]:
    """What came for nobody."""
    return []


@pytest.fixture
def make_request(node: Node, unwanted: list[Reply]) -> Callable[..., PullRequest]:
    """Makes requests that wait for some seconds."""

    def make(seconds: float = 60) -> PullRequest:
        connection = cast(NatsConnection, node)
        return PullRequest(connection, "NEXT", 1, seconds, lambda _, reply: unwanted.append(reply))

    return make


Make = Callable[..., PullRequest]


async def test_message_for_who_waits(make_request: Make, node: Node, unwanted: list[Reply]) -> None:
    """Who waits gets it, and then nothing more is expected."""
    request = make_request()
    waiting = request.adopt()
    node.send(MESSAGE)
    assert await waiting is MESSAGE
    assert request.is_over
    assert node.answer is None
    assert unwanted == []


async def test_left_to_the_next(make_request: Make, node: Node, unwanted: list[Reply]) -> None:
    """One that was left is adopted by the next who waits."""
    request = make_request()
    request.adopt()
    request.leave()
    waiting = request.adopt()
    node.send(MESSAGE)
    assert await waiting is MESSAGE
    assert unwanted == []


async def test_nobody_waits(make_request: Make, node: Node, unwanted: list[Reply]) -> None:
    """What comes while nobody waits is not wanted."""
    request = make_request()
    request.adopt()
    request.leave()
    node.send(MESSAGE)
    assert unwanted == [MESSAGE]


async def test_left_with_its_answer(make_request: Make, node: Node, unwanted: list[Reply]) -> None:
    """What came for somebody who was cancelled at that moment is not wanted."""
    request = make_request()
    request.adopt()
    node.send(MESSAGE)
    request.leave()
    assert unwanted == [MESSAGE]


async def test_interrupted(make_request: Make, node: Node) -> None:
    """Who waits is told to look elsewhere, and the request stays open."""
    request = make_request()
    waiting = request.adopt()
    request.interrupt()
    assert (await waiting).status == NO_MESSAGE
    request.take()
    assert not request.is_over
    later = request.adopt()
    node.send(MESSAGE)
    assert await later is MESSAGE


async def test_unanswered(
    make_request: Make, monkeypatch: pytest.MonkeyPatch, unwanted: list[Reply]
) -> None:
    """A node that has died says nothing: that ends with the time of the request."""
    monkeypatch.setattr("channels_bridge.groups.nats.jetstream.pull_request.SLACK", 0.01)
    request = make_request(0.01)
    reply = await asyncio.wait_for(request.adopt(), 10)
    assert reply.status == NO_MESSAGE
    assert request.is_over
    assert unwanted == []


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.ACK.stream.consumer.1.7.3.1500000000.0",
        "$JS.ACK.domain.account.stream.consumer.1.7.3.1500000000.0",
        "$JS.ACK._.account.stream.consumer.1.7.3.1500000000.0.random",
    ],
)
def test_number_and_time(subject: str) -> None:
    """They are in the subject, which has grown since JetStream's first release."""
    delivery = read_delivery(Reply(b"", reply=subject), 5, 1.0)
    assert delivery is not None
    assert (delivery.sequence, delivery.stored, delivery.capacity) == (7, 1.5, 5)


@pytest.mark.parametrize("reply", [Reply(b"", 408), Reply(b"", reply="replies.1"), Reply(b"hello")])
def test_no_message(reply: Reply) -> None:
    """A status is none, nor is what somebody else has sent."""
    assert read_delivery(reply, 5, 1.0) is None
