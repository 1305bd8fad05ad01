"""The ASGI lifespan protocol, for applications that speak it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from channels_bridge.server.asgi_types import Application, Event
from channels_bridge.server.errors import StartupError

logger = logging.getLogger("channels_bridge.server")


class Lifespan:
    """Runs the application's lifespan in a task of its own.

    An application that raises before it answers doesn't speak the protocol, which is not an error
    (ASGI "Lifespan Protocol"): Channels' ``ProtocolTypeRouter`` without a "lifespan" entry does so.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._events: asyncio.Queue[Event] = asyncio.Queue(maxsize=1)
        self._answers: asyncio.Queue[Event] = asyncio.Queue(maxsize=1)
        self._task: asyncio.Task[None] | None = None
        self._spoken = False  # the application has answered once
        #: What the application put into ``scope["state"]`` at startup.
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Start the application.

        Raises:
            StartupError: the application answered that it failed.
        """
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        self._task = asyncio.create_task(self._run(scope), name="lifespan")
        answer = await self._ask("lifespan.startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            message = answer.get("message") or "no reason given"
            raise StartupError(f"the application's lifespan startup failed: {message}")

    async def shutdown(self) -> None:
        """Let the application clean up; what fails there is logged."""
        answer = await self._ask("lifespan.shutdown")
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            logger.error(
                "the application's lifespan shutdown failed: %s", answer.get("message", "")
            )
        if self._task is not None:
            await self._task

    async def _ask(self, event_type: str) -> Event | None:
        """The application's answer, or None where it has none to give."""
        assert self._task is not None
        if self._task.done():
            return None
        await self._events.put({"type": event_type})
        answer = asyncio.create_task(self._answers.get())
        # An application may also return or raise instead of an answer.
        await asyncio.wait([answer, self._task], return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        return None

    async def _answer(self, event: Event) -> None:
        self._spoken = True
        await self._answers.put(event)

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            await self._application(scope, self._events.get, self._answer)
        except Exception as error:
            if self._spoken:
                logger.exception("Exception in the application's lifespan")
            else:
                logger.debug("the application does not speak the lifespan protocol: %r", error)
