"""The link to the hub: connects, reconnects with backoff, and notices that there is no hub."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.discovery.hub_absence import (
    has_left_members,
    has_living_members,
    is_absent,
)
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.other_hubs import explain_absence
from channels_bridge.groups.grpc.frame_codec import DecodeError
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.process.client import Client
from channels_bridge.groups.grpc.stream import REFUSED, Stream, StreamBroken

logger = logging.getLogger("channels_bridge.groups")

_notices = Notices(logger)

#: Seconds between attempts to connect: doubled after each failure.
MIN_DELAY = 0.02
MAX_DELAY = 1.0

#: Seconds between looks for a hub while a process is alone, since it loses what it sends meanwhile.
#: On TCP it is MAX_DELAY: a look is a connection to whatever listens there.
ALONE_DELAY = 0.1

#: How long the hub may take to end the stream after this process has said goodbye, in seconds.
GOODBYE_TIMEOUT = 1

#: How long there must be no hub before a process is alone, in seconds: one may be about to start.
#: Less than what tests give a consumer to answer. The longer one is for an address where nothing
#: shows whether other processes wait for a hub.
GRACE = 0.25
TCP_GRACE = 1


class Link:
    """Connects a client, again and again.

    Args:
        client: what to say, and who listens.
        address: where the hub is.
        open_stream: makes a stream to it.
        patience: how many seconds to wait for a hub that was there before, or that others wait for;
            None for a process that can't be alone.
        on_absent: called when it is certain that there is no hub.

    Attributes:
        trouble: why there is no connection; None when there is one, or none was tried.
        is_alone: whether there is no hub, so that this process has no others.
        is_elsewhere: whether others are known that this process can't reach: they wait for a hub,
            or have one elsewhere.
    """

    def __init__(
        self,
        client: Client,
        address: Address,
        open_stream: Callable[[], Awaitable[Stream]],
        *,
        patience: float | None = None,
        on_absent: Callable[[], None] = lambda: None,
    ) -> None:
        self.trouble: str | None = None
        self.is_alone = False
        self.is_elsewhere = False
        self._patience = patience
        self._on_absent = on_absent
        self._absent_since: float | None = None
        self._was_connected = False
        self._client = client
        self._address = address
        self._open_stream = open_stream
        self._delay = MIN_DELAY
        self._closing = False
        # Its own: the project may have seeded the one that all share.
        self._random = random.Random()
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def absent_for(self) -> float:
        """For how long there certainly has been no hub, in seconds."""
        return 0.0 if self._absent_since is None else time.monotonic() - self._absent_since

    async def aclose(self) -> None:
        """Say goodbye and disconnect."""
        self._closing = True
        self._client.leave()
        if self._client.outbox is not None:
            await asyncio.wait([self._task], timeout=GOODBYE_TIMEOUT)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while not self._closing:
            if self._absent_since is None:
                await self._connect()
            if self._patience is not None and not self._closing:
                await self._look_for_hub(self._patience)
            # Spread out, so that all processes don't come at once after the hub was restarted.
            await asyncio.sleep(self._delay * self._random.uniform(0.5, 1))
            is_cheap = self.is_alone and self._address.path is not None
            self._delay = min(self._delay * 2, ALONE_DELAY if is_cheap else MAX_DELAY)

    async def _connect(self) -> None:
        """Converse with the hub until that ends."""
        try:
            stream = await self._open_stream()
            try:
                await self._converse(stream)
                trouble = "the hub has ended the connection"
            finally:
                self._client.disconnected()
                await stream.aclose()
        except (StreamBroken, DecodeError, OSError) as error:
            trouble = str(error)
        except Exception as error:
            # A fault; but this process would be deaf from now on, and nothing would say so.
            trouble = f"{type(error).__name__}: {error}"
            self._delay = MAX_DELAY
            if _notices.due(type(error).__name__) is not None:
                logger.exception("the connection to the groups hub is made again after a fault")
        if not self._closing:
            self._note(trouble)

    async def _look_for_hub(self, patience: float) -> None:
        """Find out whether this process is alone."""
        is_absent_now = await is_absent(self._address)
        if is_absent_now == (self._absent_since is None):  # it has changed
            self._absent_since = time.monotonic() if is_absent_now else None
            self._delay = MIN_DELAY
        if self._absent_since is None:
            if self.is_alone:
                logger.info("there is a groups hub at %s now", self._address)
            self.is_alone = self.is_elsewhere = False
        elif not self.is_alone and time.monotonic() - self._absent_since >= self._grace(patience):
            self._settle()

    def _settle(self) -> None:
        """Decide whether there are others, as long as there is no hub."""
        was_elsewhere = self.is_elsewhere
        self.is_elsewhere = (
            has_living_members(self._address) or explain_absence(self._address).is_elsewhere
        )
        self.is_alone = not self.is_elsewhere
        if self.is_alone or not was_elsewhere:
            self._on_absent()

    def _grace(self, patience: float) -> float:
        if self._was_connected or has_left_members(self._address):
            return patience
        return min(patience / 2, GRACE if self._address.path is not None else TCP_GRACE)

    async def _converse(self, stream: Stream) -> None:
        # Writing may have to wait for the hub: this must not keep the process from reading.
        writer = asyncio.create_task(_write(stream, self._client.connected()))
        try:
            await stream.listen(self._take)
        finally:
            writer.cancel()
            await asyncio.wait([writer])

    def _take(self, batch: bytes) -> None:
        self._client.receive(batch)
        if self._client.refusal is None:  # else it tries again, ever more seldom
            self._was_connected = True
            self.trouble = None
            self._delay = MIN_DELAY

    def _note(self, trouble: str) -> None:
        if self.trouble is None or trouble == REFUSED != self.trouble:
            level = logging.ERROR if trouble == REFUSED else logging.INFO
            logger.log(level, "no connection to the groups hub at %s: %s", self._address, trouble)
        self.trouble = trouble


async def _write(stream: Stream, outbox: Outbox) -> None:
    try:
        while (batch := await outbox.take()) is not None:
            await stream.send(batch)
    except StreamBroken:
        pass  # listen() raises it too, and is who reports it
