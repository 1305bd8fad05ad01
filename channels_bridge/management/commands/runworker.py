"""``manage.py runworker``: consumers of named channels, with graceful shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Any

from channels.management.commands.runworker import Command as ChannelsCommand
from channels.worker import Worker
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from channels_bridge.common.exit_signals import ECHO
from channels_bridge.common.forks import handle_in_loop
from channels_bridge.exceptions import BridgeError
from channels_bridge.groups import aclose_all
from channels_bridge.groups.home import home_loop
from channels_bridge.layers import LocalChannelLayer
from channels_bridge.server.asgi_types import Application, Receive, Send
from channels_bridge.surface import extend
from channels_bridge.tracing.traced_handlers import trace_consumers

__all__ = ["Command", "DrainingWorker"]

#: Seconds for consumers to handle what was taken from the layer before the signal.
SHUTDOWN_TIMEOUT = 10


class DrainingWorker(Worker):
    """Channels' worker with graceful shutdown by SIGTERM and SIGINT; a second one ends it at once.

    Spec deviation: Channels' worker ends at once by SIGTERM, and loses what it took from the layer.
    This one takes no more, lets its consumers handle what they have, and exits with 0.

    Spec deviation: a message without a ``type`` on one of several channels, or another error in
    receiving from it, ends Channels' listener for that channel, without a log line. This worker
    ends with the error, as both do where it is the only channel.
    """

    def __init__(self, application: Application, *args: Any, **kwargs: Any) -> None:
        super().__init__(self._run, *args, **kwargs)
        self._application = application
        self._waiting: set[str] = set()  # channels whose consumers are done with what they got
        self._progress = asyncio.Event()

    async def handle(self) -> None:
        home_loop.claim()
        trace_consumers(self.channel_layer)
        stopping = asyncio.create_task(_next_signal())
        listeners = [asyncio.create_task(self.listener(channel)) for channel in self.channels]
        done, pending = await asyncio.wait(
            [stopping, *listeners], return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._drain(), SHUTDOWN_TIMEOUT)
        await aclose_all()
        for task in done:
            task.result()

    async def _run(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Run the application, and note when it waits in ``receive``: in between it is busy."""
        channel = scope["channel"]
        self._waiting.discard(channel)  # where an earlier one failed

        async def observed() -> Any:
            self._waiting.add(channel)
            self._progress.set()
            message = await receive()
            self._waiting.discard(channel)
            return message

        async def sending(message: Any) -> None:  # async_to_sync() wants no lambda
            await send(message)

        try:
            await self._application(scope, observed, sending)
        finally:
            self._progress.set()

    async def _drain(self) -> None:
        """Wait until all consumers are idle."""
        while self._is_busy():
            self._progress.clear()
            await self._progress.wait()

    def _is_busy(self) -> bool:
        return any(
            not instance["future"].done()
            and (channel not in self._waiting or not instance["input_queue"].empty())
            for channel, instance in self.application_instances.items()
        )


class Command(ChannelsCommand):
    worker_class = DrainingWorker

    def handle(self, *args: Any, **options: Any) -> None:
        for channel in options["channels"]:
            _require_valid(channel)
        try:
            super().handle(*args, **options)
        except (BridgeError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error


def _require_valid(channel: str) -> None:
    layer = LocalChannelLayer()
    try:
        layer.require_valid_channel_name(channel)
    except TypeError as error:
        raise CommandError(f"{channel!r}: {error}") from None


async def _next_signal() -> None:
    """Wait for SIGTERM or SIGINT; restore their default actions once its echoes are over."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        handle_in_loop(number, stop.set)
    try:
        await stop.wait()
    finally:
        patience = ECHO if stop.is_set() else 0
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.call_later(patience, loop.remove_signal_handler, number)


extend(__name__)
