"""The load generator tells a stack that delivers from one that does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from channels_bridge.bench.generator import members
from channels_bridge.bench.generator.closed_loop import loop
from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.generator.timing import Timing
from channels_bridge.bench.loads.loads import Loop
from compat_tests.bench.generator.gauges import Unread

LOAD = Loop(2, groups=1, window=2)


class Faulty(WSListener):
    """Sends all members what one of them sends, but for one mistake at the third message."""

    def __init__(self, members: list[WSTransport], fault: str) -> None:
        self.members = members
        self.fault = fault
        self.count = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.members.append(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        self.count += 1
        payload = frame.get_payload_as_bytes()
        for member in self.members:
            faulty = self.count == 3 and member is not transport
            for _ in range({"lose": 0, "repeat": 2}.get(self.fault, 1) if faulty else 1):
                member.send(WSMsgType.TEXT, payload)
            if faulty and self.fault == "close":
                member.disconnect()


@asynccontextmanager
async def serving(fault: str) -> AsyncIterator[int]:
    """A server with a fault; gives its port."""
    group: list[WSTransport] = []

    def connect(request: WSUpgradeRequest) -> Faulty:
        return Faulty(group, fault)

    server = await ws_create_server(connect, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def counts(fault: str) -> Counts:
    async with serving(fault) as port:
        outcome = await loop(LOAD, Timing(port, 0, warmup=0.2, seconds=0.3), Unread())
    return outcome.counts


async def test_nothing_wrong() -> None:
    """Of a stack that does its work, everything is counted as delivered."""
    found = await counts("none")
    assert found == Counts(expected=found.expected, delivered=found.expected)
    assert found.expected > 3


async def test_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """One message that one member did not get is one that is lost."""
    monkeypatch.setattr(members, "DRAIN_SECONDS", 0.5)
    found = await counts("lose")
    assert found == Counts(expected=found.expected, delivered=found.expected - 1)


async def test_repeated() -> None:
    """A message that came twice is delivered, and counted as duplicated."""
    found = await counts("repeat")
    assert found == Counts(found.expected, found.expected, duplicated=1)


async def test_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that the stack closes is counted, with all that it did not get."""
    monkeypatch.setattr(members, "DRAIN_SECONDS", 0.5)
    found = await counts("close")
    assert found.connections_lost == 1
    assert found.delivered < found.expected


async def test_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is not accepted is counted."""
    monkeypatch.setattr(members, "DRAIN_SECONDS", 0.1)
    async with serving("none") as port:
        pass
    outcome = await loop(LOAD, Timing(port, 0, warmup=0, seconds=0), Unread())
    assert outcome.counts.connections_lost == 2
