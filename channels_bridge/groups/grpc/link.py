"""Keeps a process' stream to the hub open."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from channels_bridge.groups.address import Address
from channels_bridge.groups.grpc.client import Client
from channels_bridge.groups.grpc.frames import DecodeError
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.stream import OVERTAKEN, REFUSED, Stream, StreamBroken

__all__ = ["Link"]

logger = logging.getLogger("channels_bridge.groups")

# Seconds between attempts to connect: doubled after each failure.
MIN_DELAY = 0.02
MAX_DELAY = 1.0

# How long the hub may take to end the stream after this side has said goodbye, in seconds.
GOODBYE_TIMEOUT = 1


class Link:
    """
    Connects a client, again and again.

    Args:
        client: what to say, and who listens.
        address: where the hub is.
        open_stream: makes a stream to it.

    Attributes:
        trouble: why there is no connection; None when there is one, or none was tried.
    """

    def __init__(
        self,
        client: Client,
        address: Address,
        open_stream: Callable[[], Awaitable[Stream]],
    ) -> None:
        self.trouble: str | None = None
        self._client = client
        self._address = address
        self._open_stream = open_stream
        self._delay = MIN_DELAY
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._run())

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
            if not self._closing:
                self._note(trouble)
            # Spread out, so that all processes don't come at once after the hub was restarted.
            await asyncio.sleep(self._delay * random.uniform(0.5, 1))
            self._delay = min(self._delay * 2, MAX_DELAY)

    async def _converse(self, stream: Stream) -> None:
        writer = asyncio.create_task(_write(stream, self._client.connected()))
        try:
            while (batch := await stream.receive()) is not None:
                self._client.receive(batch)
                if self._client.refusal is None:
                    self.trouble = None
                    self._delay = MIN_DELAY
        finally:
            writer.cancel()
            await asyncio.wait([writer])

    def _note(self, trouble: str) -> None:
        if trouble == OVERTAKEN and self.trouble is not None:
            return  # what the hub has said before still holds
        if self.trouble is None or trouble == REFUSED != self.trouble:
            level = logging.ERROR if trouble == REFUSED else logging.INFO
            logger.log(level, "no connection to the groups hub at %s: %s", self._address, trouble)
        self.trouble = trouble


async def _write(stream: Stream, outbox: Outbox) -> None:
    try:
        while (batch := await outbox.take()) is not None:
            await stream.send(batch)
    except StreamBroken:
        pass  # receive() raises it too, and is who reports it
