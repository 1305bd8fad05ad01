"""Waiting for an event with a deadline."""

from __future__ import annotations

import asyncio
import contextlib


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until an event is set, for ``seconds`` at most. Returns whether it is."""
    with contextlib.suppress(asyncio.TimeoutError):  # another class than TimeoutError before 3.11
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
