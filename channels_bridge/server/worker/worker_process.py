"""A worker process: serves the connections that the supervisor passes to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial

from channels_bridge.common.child_program import load
from channels_bridge.common.event_deadline import is_set_within
from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.heap_trim import trim_heap
from channels_bridge.server.asgi_types import Application
from channels_bridge.server.child.admission_link import asking
from channels_bridge.server.child.heartbeat import beating
from channels_bridge.server.child.main import Run, Stop
from channels_bridge.server.child.pipe import ChildEnd
from channels_bridge.server.child.questions import answering
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.http.first_request import make_protocol_factory
from channels_bridge.server.tls import RenewedCertificate
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.worker.drain import drain
from channels_bridge.server.worker.gc_freeze import sparing
from channels_bridge.server.worker.loop_lag import LoopDelay
from channels_bridge.server.worker.serving import LINGER, serving, wait
from channels_bridge.server.worker.status_report import Report
from channels_bridge.server.worker.wear import watching_wear

logger = logging.getLogger("channels_bridge.server")

Opening = AbstractAsyncContextManager[Application]

#: OpenSSL's name for a request without TLS, and what is said of one.
PLAIN_HTTP = "HTTP_REQUEST"
NO_TLS = (
    "a request came without TLS, which this server asks for (--ssl-certfile): let clients write "
    "wss:// or https://"
)


def main(config: ServerConfig) -> Run:
    """Load the application: a worker's ``Main``, see ``child/main.py``.

    Raises:
        StartupError: the application can't be imported or made.
    """
    return partial(serve, config, load(config.application)(config))


async def serve(config: ServerConfig, opening: Opening, channel: ChildEnd, stop: Stop) -> None:
    """Run a worker until ``stop`` is set or the supervisor is gone.

    Raises:
        StartupError: the application's lifespan startup failed.
    """
    async with (
        beating(channel, config),
        opening as application,
        _answering(channel, config) as report,
        asking(config) as admission,
        serving(application, config, on_lost=channel.lost) as context,
    ):
        with sparing(context):
            report.context = context
            context.admission = admission
            intake = Intake(channel, context, stop)
            intake.start()
            trim_heap()
            async with watching_wear(config, context.counters, channel):
                channel.ready()
                await stop.wait()
            # The supervisor passes nothing on once it has heard this; until then connections come,
            # which are drained with the others.
            channel.stopping()
            context.finishes_handshakes = channel.retired
            await asyncio.gather(intake.finish(), drain(context, stop.hurry))


@contextlib.asynccontextmanager
async def _answering(channel: ChildEnd, config: ServerConfig) -> AsyncIterator[Report]:
    with contextlib.closing(LoopDelay()) as delay:
        report = Report(delay, load(config.figures))
        async with answering(channel.answers, report):
            yield report


class Intake:
    """Takes connections from the supervisor and gives each a protocol."""

    def __init__(self, channel: ChildEnd, context: Context, stop: asyncio.Event) -> None:
        self._channel = channel
        self._context = context
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._factory = make_protocol_factory(context)
        certificate = context.config.certificate
        self._certificate = RenewedCertificate(certificate) if certificate is not None else None
        self._starting: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    def start(self) -> None:
        self._loop.add_reader(self._channel.sock, self._take)

    async def finish(self) -> None:
        """Take the connections that were passed before the supervisor heard of the stop."""
        await is_set_within(self._ended, LINGER)
        self._loop.remove_reader(self._channel.sock)
        patient = self._channel.retired
        await wait(self._starting, self._context.config.handshake_timeout if patient else LINGER)

    def _take(self) -> None:
        try:
            for sock in self._channel.connections():
                task = self._loop.create_task(self._serve(sock))
                self._starting.add(task)
                task.add_done_callback(self._starting.discard)
        except EOFError:
            self._end()

    def _end(self) -> None:
        """Take no more connections: the supervisor is gone, or another worker has taken over."""
        self._loop.remove_reader(self._channel.sock)
        self._ended.set()
        if not self._stop.is_set():
            if not self._channel.retired:
                logger.warning("the supervisor is gone; this worker stops")
            self._stop.set()

    async def _serve(self, sock: socket.socket) -> None:
        keep_from_children(sock)
        tls = self._certificate.context() if self._certificate is not None else None
        try:
            await self._loop.connect_accepted_socket(
                self._factory,
                sock,
                ssl=tls,
                ssl_handshake_timeout=self._context.config.handshake_timeout if tls else None,
            )
        except OSError as error:  # gone between accept and here, or no TLS
            logger.debug("a connection was lost before it was served: %s", error)
            if getattr(error, "reason", None) == PLAIN_HTTP:
                self._context.notices.warn(PLAIN_HTTP, "%s", NO_TLS)
            sock.close()
            self._channel.lost()
