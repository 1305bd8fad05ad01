"""Clients and a hub's exchange without a network between them: every step is the test's own."""

from __future__ import annotations

from collections import deque

import pytest

from channels_bridge.groups.grpc import frame_codec, suppression
from channels_bridge.groups.grpc.hub import exchange, queue_desk, sequencer, uptime
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.session import Session
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.process import client, history_client
from channels_bridge.groups.grpc.process.client import Client, Request
from channels_bridge.groups.wire.v1 import groups_pb2 as wire


class Clock:
    """Stands in for the ``time`` module."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def set_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let clients and exchanges read the time from a clock that the test sets."""
    clock = Clock()
    for module in (client, exchange, history_client, queue_desk, sequencer, suppression, uptime):
        monkeypatch.setattr(module, "time", clock)
    return clock


class Process:
    """A client with a stream to a hub."""

    def __init__(self) -> None:
        self.client = self._make_client()
        self.received: list[bytes] = []
        self.on_delivery = lambda topic, payload: None
        self._session: Session | None = None
        self._outbox = Outbox()  # the hub's
        self._on_its_way: deque[bytes] = deque()  # from the hub

    def _make_client(self) -> Client:
        return Client(self._deliver)

    def _deliver(self, topic: str, payload: bytes) -> bool:
        self.received.append(payload)
        self.on_delivery(topic, payload)
        return True

    def connect(self, exchange: Exchange) -> None:
        """Read what the old stream has brought, and begin a new one. The hub reads its start."""
        while self._on_its_way:
            self.read()
        self.client.disconnected()
        batch = self.client.connected().take_nowait()
        (_, hello), *_ = frame_codec.parse(batch)
        self._exchange, self._outbox = exchange, Outbox()
        self._session = exchange.join(hello, self._outbox)
        exchange.receive(self._session, self._outbox, batch)

    def lose(self) -> None:
        """The hub notices that the stream has ended; this process doesn't yet."""
        self._transmit()
        if self._session is not None:
            self._exchange.lost(self._session, self._outbox)
        self._session = None

    @property
    def stream(self) -> tuple[Session | None, Outbox]:
        """The hub's end of the stream."""
        return self._session, self._outbox

    @property
    def is_connected(self) -> bool:
        return self._session is not None and self._session.outbox is self._outbox

    def write(self) -> None:
        """The hub gets what this process has to say."""
        if self.client.outbox is not None:
            batch = self.client.outbox.take_nowait()
            if self.is_connected:
                self._exchange.receive(self._session, self._outbox, batch)

    def read(self) -> None:
        """This process gets what the hub has to say."""
        self._transmit()
        if self._on_its_way:
            self.client.receive(self._on_its_way.popleft())

    def _transmit(self) -> None:
        if batch := self._outbox.take_nowait():
            self._on_its_way.append(batch)

    def publish(self, topic: str, payload: bytes) -> Request | None:
        """What the transport does; None when nobody needs to hear it."""
        if topic in self.client.unheard:
            return None
        return self.client.request(wire.Publish(topic=topic, payload=payload))


def exchange_all(*processes: Process) -> None:
    """Let everybody read and write for as long as there is anything to say."""
    for _ in range(10):
        for process in processes:
            process.write()
        for process in processes:
            process.read()
