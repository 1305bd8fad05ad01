"""Worker recycling, in the supervisor: which worker is to be replaced, one at a time.

A worker says by itself that it is worn (``worker/wear.py``). Others wait until the one before has
ended, with all that it drains, so that there is never more than one process beside the others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.supervisor.child_process import Child
from channels_bridge.server.supervisor.keeper import Keeper

logger = logging.getLogger("channels_bridge.server")

#: Seconds until the next try after a new worker could not start: what was worn goes on meanwhile.
RETRY = 30.0

#: Seconds: if a worker is worn in less, the limit is too low for what it serves, most likely.
SOON = 60.0

TOO_LOW = ", %.0f s after its start: raise the limit, else clients are disconnected again and again"


class Recycling:
    """Chooses the next worker to replace.

    Args:
        wake: called when there may be one to choose.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._leaving: Keeper | None = None
        self._pause: asyncio.TimerHandle | None = None

    def choose(self, workers: Iterable[Keeper]) -> Keeper | None:
        """Return a worker that is worn; None while another one leaves, or none is."""
        if self._leaving is not None or self._pause is not None:
            return None
        return next((keeper for keeper in workers if keeper.wear), None)

    def leaves(self, keeper: Keeper) -> None:
        """A worker has been replaced: nothing else is, until it has ended."""
        self._leaving = keeper
        keeper.stopped.add_done_callback(self._left)

    def _left(self, _: asyncio.Future[None]) -> None:
        self._leaving = None
        self._wake()

    def put_off(self) -> None:
        """No other worker could start: let some time pass."""
        self._pause = asyncio.get_running_loop().call_later(RETRY, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._wake()

    def stop(self) -> None:
        """Choose no more."""
        if self._pause is not None:
            self._pause.cancel()


def log_replacement(child: Child, wear: str, config: ServerConfig) -> None:
    """Say why a worker is replaced; where it has just begun, warn of what that means."""
    age = time.monotonic() - child.started
    if age < SOON:
        logger.warning("%s is replaced: %s%s", child, explain(wear, config), TOO_LOW % age)
    else:
        logger.info("%s is replaced: %s", child, explain(wear, config))


def explain(wear: str, config: ServerConfig) -> str:
    if wear == "memory":
        return f"it takes more than {config.workers_max_rss} MiB (--workers-max-rss)"
    return f"it has answered {config.max_requests} requests or more (--max-requests)"
