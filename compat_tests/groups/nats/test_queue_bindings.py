"""The bindings that one process knows: how many it remembers, and what it can't read."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from channels_bridge.groups.nats import queue_bindings
from channels_bridge.groups.nats.jetstream.jetstream_api import JetStreamError
from channels_bridge.groups.nats.jetstream.jetstream_streams import NO_MESSAGE_FOUND
from channels_bridge.groups.nats.queue_bindings import QueueBindings
from channels_bridge.groups.nats.subjects import Subjects

STAMP = "2026-11-29T01:16:58.123456789Z"


class FakeJetStream:
    """A stream with some messages."""

    def __init__(self, *bodies: bytes | None) -> None:
        self.messages: list[dict[str, Any]] = []
        for number, body in enumerate(bodies, 1):
            data = {} if body is None else {"data": base64.b64encode(body).decode()}
            self.messages.append({"seq": number, "time": STAMP, **data})

    async def ask(self, action: str, body: Any = None, *, until: float) -> dict[str, Any]:
        if action.startswith("STREAM.INFO"):
            return {"ts": STAMP}
        for message in self.messages:
            if message["seq"] >= body["seq"]:
                return {"message": message}
        raise JetStreamError(NO_MESSAGE_FOUND, "no message found", may_be_done=False)


async def tell(body: bytes) -> None:
    """There is nobody else."""


def change(topic: str, lifetime: float = 60) -> bytes:
    """What another process tells."""
    terms = {"capacity": 1, "expiry": 60, "lifetime": lifetime}
    return json.dumps({"topic": topic, "queue": "work", **terms}).encode()


def make_bindings(*bodies: bytes | None) -> QueueBindings:
    """Bindings of which some are stored."""
    return QueueBindings(FakeJetStream(*bodies), Subjects("p", b"identity"), tell)  # type: ignore[arg-type]


async def test_what_is_empty(caplog: pytest.LogCaptureFixture) -> None:
    """JetStream says nothing of the body of a message that has none; the others are read."""
    bindings = make_bindings(None, change("g:room"))
    await bindings.read()
    assert "g:room" in bindings
    assert "can't be read" in caplog.text


@pytest.mark.parametrize("terms", [{"lifetime": "soon"}, {"lifetime": None}, {"capacity": 1e999}])
async def test_what_cannot_be_meant(
    caplog: pytest.LogCaptureFixture, terms: dict[str, object]
) -> None:
    """What somebody else has stored, who uses the same prefix, doesn't keep the others away."""
    odd = json.dumps({**json.loads(change("g:other")), **terms}).encode()
    bindings = make_bindings(odd, change("g:room"))
    await bindings.read()
    assert "g:room" in bindings and "g:other" not in bindings
    assert "can't be read" in caplog.text


async def test_those_that_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are forgotten, though nobody publishes to their topics any more."""
    monkeypatch.setattr(queue_bindings, "SWEEP_AT", 10)
    bindings = make_bindings()
    loop = asyncio.get_running_loop()
    now = loop.time()
    for number in range(100):
        monkeypatch.setattr(loop, "time", lambda number=number: now + number)
        bindings.take(change(f"g:room-{number}", lifetime=5))
    assert sum(f"g:room-{number}" in bindings for number in range(100)) <= 20
    assert "g:room-99" in bindings


async def test_changes_are_not_kept() -> None:
    """What changes is noted while all bindings are read, and only then."""
    bindings = make_bindings()
    await bindings.read()
    bindings.take(change("g:room"))
    assert not bindings._fresh
