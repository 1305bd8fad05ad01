"""Waiting for an event with a deadline."""

from __future__ import annotations

import asyncio


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until an event is set, for ``seconds`` at most. Returns whether it is."""
    waiting = asyncio.get_running_loop().create_task(event.wait())
    try:
        # Not wait_for(), which may forget before Python 3.12 that it was cancelled.
        await asyncio.wait([waiting], timeout=seconds)
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])
    return event.is_set()
