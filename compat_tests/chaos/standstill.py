"""A watchdog of this program's own event loop, on which all clients live.

While it stands still none of them reads, or answers a ping: what follows is not the server's doing.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import sys
import time
from collections.abc import AsyncIterator

#: Seconds without a turn of the loop after which it is shown where it stands.
LIMIT = 5.0

STEP = LIMIT / 10


@contextlib.asynccontextmanager
async def showing_standstills() -> AsyncIterator[None]:
    """Until the end of the block, show where the loop stands still, and say for how long it did."""
    watching = asyncio.create_task(_watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch() -> None:
    try:
        while True:
            faulthandler.dump_traceback_later(LIMIT, file=sys.__stderr__ or sys.stderr)
            turned, busy = time.monotonic(), time.process_time()
            await asyncio.sleep(STEP)
            _tell(time.monotonic() - turned - STEP, time.process_time() - busy)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _tell(late: float, busy: float) -> None:
    if late > LIMIT:
        print(f"this program's loop stood still for {late:.1f} s, {busy:.1f} s of it on the CPU")
