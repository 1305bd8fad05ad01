"""The hub: a server that joins the processes of a project, with a standby for failover.

``websockets_server`` runs one beside its workers, ``manage.py websockets_hub`` runs one alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from channels_bridge.common.event_deadline import is_set_within
from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.hub_history import DEFAULT, HubHistory
from channels_bridge.groups.discovery.hub_holder import Seat, holder_of
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.http2.call_headers import (
    DEADLINE_EXCEEDED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNIMPLEMENTED,
)
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.history_file import Kept, keeping
from channels_bridge.groups.grpc.hub.hub_connection import HubConnection
from channels_bridge.groups.grpc.hub.hub_lock import SocketPlace
from channels_bridge.groups.grpc.hub.hub_report import HubReport
from channels_bridge.groups.grpc.hub.listener import HubListener, TokenCheck
from channels_bridge.groups.grpc.hub.roster_keeper import RosterKeeper
from channels_bridge.groups.grpc.hub.sequencer import Journal
from channels_bridge.groups.grpc.hub.session import Session
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.stream import METHOD, REFUSED, SERVICE
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

logger = logging.getLogger("channels_bridge.groups")

#: How often a hub on standby looks whether the other one is gone, and how often the exchange does
#: what time has brought, in seconds.
STANDBY_INTERVAL = 0.1
TICK_INTERVAL = 0.25

#: How often a hub looks whether its socket and its lock are still there, in seconds.
UPKEEP_INTERVAL = 2.0

#: How long a process may take to say who it is, in seconds.
HELLO_TIMEOUT = 10

#: How long streams may take to end with the hub, in seconds.
END_TIMEOUT = 5


async def serve(
    address: str,
    credentials: Credentials = NONE,
    *,
    ready: Callable[[], None],
    stop: asyncio.Event,
    seat: Seat | None = None,
    report: HubReport | None = None,
    history: HubHistory = DEFAULT,
) -> None:
    """Run a hub until ``stop`` is set.

    A second hub at the same address stands by, and takes over when the first one ends or dies. A
    socket or a lock that somebody removes is made again; processes that are connected miss nothing.

    Args:
        address: ``unix:/path`` or ``host:port``.
        credentials: for TCP.
        ready: called once the hub serves, or stands by.
        seat: where it has its files, and whose it is; by default this project's own, which takes
            its settings.
        report: is given what it reports of.
        history: how much it keeps, and in which file.

    Raises:
        HubAddressError: it can't listen there, or not without more credentials.
    """
    where, seat = _resolve(address, credentials, seat)
    place = SocketPlace(seat.path, str(where), holder=seat.holder, is_private=seat.is_private)
    ready = _once(ready)
    try:
        while await _take(place, where, ready, stop):
            place.prepare()
            with keeping(history.path_beside(place.path), history.max_bytes) as kept:
                keeper = RosterKeeper(place)
                exchange = _make_exchange(place, keeper, kept)
                if report is not None:
                    report.exchange = exchange
                hub = partial(_Hub, where, credentials, exchange, keeper)
                await _serve(hub, place, ready, stop, keeper, kept.journal)
            _leave(place, exchange)
    finally:
        place.close()


def _once(call: Callable[[], None]) -> Callable[[], None]:
    """Return what makes a call the first time only."""
    calls = [call]

    def call_once() -> None:
        if calls:
            calls.pop()()

    return call_once


def _resolve(address: str, credentials: Credentials, seat: Seat | None) -> tuple[Address, Seat]:
    try:
        where = Address.parse(address)
        credentials.require_for_hub(where)
        return where, seat or Seat.of(where)
    except ValueError as error:
        raise HubAddressError(address, str(error)) from None


async def _take(
    place: SocketPlace, where: Address, ready: Callable[[], None], stop: asyncio.Event
) -> bool:
    """Wait for the right to serve. Returns False when there is no time left for that."""
    if stop.is_set():
        return False
    if place.try_take():
        return True
    holder = holder_of(place.path)
    shares = f", which {holder} runs" if holder is not None else ""
    logger.info("a groups hub serves %s already%s: standing by", where, shares)
    ready()
    while not place.try_take():
        if await is_set_within(stop, STANDBY_INTERVAL):
            return False
    logger.info("the other hub has ended: this one serves %s", where)
    return True


async def _serve(
    hub: Callable[[], _Hub],
    place: SocketPlace,
    ready: Callable[[], None],
    stop: asyncio.Event,
    keeper: RosterKeeper,
    journal: Journal,
) -> None:
    """Serve until ``stop`` is set, or another hub has the place."""
    while place.is_kept() and not stop.is_set():
        async with hub():
            place.note_socket()
            ready()
            await _look_after(place, keeper, journal, stop)


def _leave(place: SocketPlace, exchange: Exchange) -> None:
    if place.is_kept():
        place.clear(leaves_processes=exchange.has_processes)
    else:
        logger.warning("another groups hub serves %s now", place.address)


async def _look_after(
    place: SocketPlace, keeper: RosterKeeper, journal: Journal, stop: asyncio.Event
) -> None:
    """Wait until ``stop`` is set, another hub has the place, or there has to be a new socket."""
    while not await is_set_within(stop, UPKEEP_INTERVAL):
        if not place.is_kept():
            return
        if not place.has_socket():
            logger.warning("the socket %s was removed; it is made again", place.path)
            return
        keeper.renew()
        await journal.look_after()


def _make_exchange(place: SocketPlace, keeper: RosterKeeper, kept: Kept) -> Exchange:
    """Return one that goes on where the hub before it has ended, and lets others go on after it."""
    is_first = place.is_unused
    roster = place.read_roster()
    if is_first:
        keeper.keep({})
    return Exchange(
        is_first=is_first,
        roster=roster,
        on_roster=keeper.keep,
        chronicle=kept.chronicle,
        journal=kept.journal,
    )


class _Hub:
    """What listens, and the exchange behind it."""

    def __init__(
        self, where: Address, credentials: Credentials, exchange: Exchange, keeper: RosterKeeper
    ) -> None:
        self._exchange = exchange
        self._keeper = keeper
        self._token_check = TokenCheck(credentials)
        self._notices = Notices(logger)
        self._writing: set[asyncio.Task[None]] = set()
        self._listener = HubListener(where, credentials, self._welcome)

    async def __aenter__(self) -> None:
        await self._listener.open()
        self._ticking = asyncio.create_task(self._tick())

    async def __aexit__(self, *_: Any) -> None:
        self._ticking.cancel()
        await asyncio.wait([self._ticking])
        await self._listener.aclose(UNAVAILABLE, "the hub has ended", END_TIMEOUT)
        if self._writing:
            await asyncio.wait(self._writing, timeout=END_TIMEOUT)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_INTERVAL)
            try:
                self._exchange.tick()
            except Exception:
                # A fault; but without ticks nobody would be given up, and all who wait for one that
                # is gone would wait for ever.
                if self._notices.due("tick") is not None:
                    logger.exception("the groups hub goes on after a fault")
            with contextlib.suppress(OSError):  # which keep() has logged
                self._keeper.retry()

    def _welcome(self, connection: HubConnection) -> None:
        connection.conversation = _Conversation(
            connection, self._token_check, self._exchange, self._keep
        )

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


class _Conversation:
    """The stream of one process, as the exchange sees it.

    Args:
        keep: is given the task that writes.
    """

    def __init__(
        self,
        connection: HubConnection,
        token_check: TokenCheck,
        exchange: Exchange,
        keep: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._connection = connection
        self._token_check = token_check
        self._exchange = exchange
        self._keep = keep
        self._session: Session | None = None
        self._outbox = Outbox(on_close=connection.let_go)

    def begin(self) -> None:
        if self._connection.call.path != f"/{SERVICE}/{METHOD}":
            self._connection.end(UNIMPLEMENTED, "there is no such method")
        elif not self._token_check.admits(self._connection):
            self._connection.end(UNAUTHENTICATED, REFUSED)
        else:
            self._connection.expect(HELLO_TIMEOUT, DEADLINE_EXCEEDED, "it did not say who it is")

    def take(self, batch: bytes) -> None:
        # However much is written to others meanwhile: their outboxes are bounded by the exchange,
        # which cuts off who doesn't read.
        if self._session is None:
            self._join(batch)
        elif not self._outbox.closed.is_set():
            self._receive(self._session, batch)

    def end(self) -> None:
        self._outbox.discard()
        if self._session is not None:
            self._exchange.lost(self._session, self._outbox)

    def _join(self, batch: bytes) -> None:
        hello = _read_hello(batch)
        if hello is None or hello.version != frame_codec.VERSION:
            self._connection.write(frame_codec.encode(_refusal(hello)))
            self._connection.end()
            return
        self._connection.expect_nothing()
        self._session = self._exchange.join(hello, self._outbox)
        self._receive(self._session, batch)
        self._keep(asyncio.get_running_loop().create_task(self._write()))

    def _receive(self, session: Session, batch: bytes) -> None:
        try:
            self._exchange.receive(session, self._outbox, batch)
        except frame_codec.DecodeError as error:
            logger.warning("process %s is disconnected: %s", session.id.hex(), error)
            self.end()

    async def _write(self) -> None:
        """Write what the exchange has for the process, until it has closed the outbox."""
        outbox, connection = self._outbox, self._connection
        while (batch := await outbox.take()) is not None and not outbox.closed.is_set():
            connection.write(batch)
            if connection.is_blocked:
                await connection.room()  # or until the outbox is closed
        self.end()
        connection.end()


def _read_hello(batch: bytes) -> wire.Hello | None:
    try:
        first = next(iter(frame_codec.parse(batch)), None)
    except frame_codec.DecodeError:
        return None
    return first[1] if first is not None and first[0] == "hello" else None


def _refusal(hello: wire.Hello | None) -> wire.Refused:
    spoken = f"version {hello.version} of the protocol" if hello is not None else "another protocol"
    return wire.Refused(
        reason=f"it speaks {spoken} and the hub version {frame_codec.VERSION}: "
        f"use the same release of channels-bridge for both"
    )
