"""The hub: a gRPC server that joins the processes of a project, with a standby for failover.

``websockets_server`` runs one beside its workers, ``manage.py websockets_hub`` runs one alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import Any

import grpc

from channels_bridge.common.event_deadline import is_set_within
from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.hub_history import DEFAULT, HubHistory
from channels_bridge.groups.discovery.hub_holder import Seat, holder_of
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.history_file import Kept, keeping
from channels_bridge.groups.grpc.hub.hub_lock import SocketPlace
from channels_bridge.groups.grpc.hub.hub_report import HubReport
from channels_bridge.groups.grpc.hub.listener import LIMITS, Door
from channels_bridge.groups.grpc.hub.roster_keeper import RosterKeeper
from channels_bridge.groups.grpc.hub.sequencer import Journal
from channels_bridge.groups.grpc.hub.session import Session
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.stream import METHOD, REFUSED, SERVICE, pristine
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
    """A gRPC server, and the exchange behind it."""

    def __init__(
        self, where: Address, credentials: Credentials, exchange: Exchange, keeper: RosterKeeper
    ) -> None:
        self._exchange = exchange
        self._keeper = keeper
        self._where = where
        self._door = Door(where, credentials)
        self._streams: set[asyncio.Task[Any]] = set()  # what serves them, gRPC's tasks and ours
        # Without serialisers: batches are bytes already.
        methods = {METHOD: grpc.stream_stream_rpc_method_handler(self._connect)}
        self._server = pristine("server")(options=list(LIMITS.items()))
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE, methods)]
        )

    async def __aenter__(self) -> None:
        self._door.open(self._server)
        await self._server.start()
        self._ticking = asyncio.create_task(self._tick())

    async def __aexit__(self, *_: Any) -> None:
        self._ticking.cancel()
        await asyncio.wait([self._ticking])
        await self._server.stop(None)
        # It doesn't wait for their handlers, and prints a traceback if the loop ends before them.
        if self._streams:
            await asyncio.wait(self._streams, timeout=END_TIMEOUT)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_INTERVAL)
            self._exchange.tick()
            with contextlib.suppress(OSError):  # which keep() has logged
                self._keeper.retry()

    async def _connect(
        self, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncGenerator[bytes, None]:
        """Serve the stream of one process.

        A generator, since that is what interceptors expect where many answers follow one request;
        they iterate over it even where gRPC itself would take a coroutine.
        """
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        if not self._door.admits(context):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, REFUSED)
        batches = aiter(requests)
        first = await _read_first(batches, context)
        hello = _read_hello(first)
        if hello is None or hello.version != frame_codec.VERSION:
            yield frame_codec.encode(_refusal(hello))
            return
        outbox = Outbox()
        session = self._exchange.join(hello, outbox)
        self._exchange.receive(session, outbox, first)
        listening = self._keep(asyncio.create_task(self._listen(batches, session, outbox)))
        # Where a write fails, nobody resumes a generator.
        task.add_done_callback(lambda _: listening.cancel())
        while (batch := await outbox.take()) is not None:
            yield batch

    def _keep(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)
        return task

    async def _listen(
        self, batches: AsyncIterator[bytes], session: Session, outbox: Outbox
    ) -> None:
        """Take what a process writes, until its stream is over or the exchange has closed it."""
        reading = asyncio.create_task(self._read(batches, session, outbox))
        # A process that doesn't read is cut off while a write to it is under way.
        closed = asyncio.create_task(outbox.closed.wait())
        try:
            await asyncio.wait([reading, closed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            outbox.discard()
            # At once: gRPC can't tell the process that its stream has ended before it has written.
            self._exchange.lost(session, outbox)
            reading.cancel()
            closed.cancel()
            await asyncio.wait([reading, closed])

    async def _read(self, batches: AsyncIterator[bytes], session: Session, outbox: Outbox) -> None:
        # However much is written to others meanwhile: their outboxes are bounded by the exchange,
        # which cuts off who doesn't read.
        async for batch in batches:
            try:
                self._exchange.receive(session, outbox, batch)
            except frame_codec.DecodeError as error:
                logger.warning("process %s is disconnected: %s", session.id.hex(), error)
                return


async def _read_first(batches: AsyncIterator[bytes], context: Any) -> bytes:
    """Return the first batch; empty when there is none. Who takes too long is turned away."""
    reading = asyncio.create_task(_next(batches))
    try:
        await asyncio.wait([reading], timeout=HELLO_TIMEOUT)
        if not reading.done():
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "it did not say who it is")
        return reading.result()
    finally:
        reading.cancel()


async def _next(batches: AsyncIterator[bytes]) -> bytes:
    async for batch in batches:
        return batch
    return b""


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
