"""The start timeout: children that do not get ready are shown, and killed."""

from __future__ import annotations

import asyncio
import logging

from channels_bridge.server.child.tracebacks import SHOWN_WITHIN
from channels_bridge.server.debugging import is_debugged
from channels_bridge.server.supervisor.child_process import Child

logger = logging.getLogger("channels_bridge.server")


class StartLimit:
    """Kills a child that is not ready in time, as an import that waits for something never is.

    Its heartbeat can't tell: there is no event loop yet.

    Args:
        timeout: seconds that it has; 0: no limit.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._timer: asyncio.TimerHandle | None = None

    def start(self, child: Child) -> None:
        """Begin to wait for a child that was started."""
        if self._timeout:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._timeout, self._ask, child)

    def stop(self) -> None:
        """Stop waiting: it is ready, or need not be any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _ask(self, child: Child) -> None:
        child.stacks.ask(child.pid)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(SHOWN_WITHIN, self._kill, child)

    def _kill(self, child: Child) -> None:
        stacks = child.stacks.describe()
        if is_debugged(stacks):
            self.start(child)
            return
        reason = f"not ready after the {self._timeout:g} s of --startup-timeout"
        logger.error("%s is killed: %s:\n%s", child, reason, stacks)
        child.kill(reason)
