"""Waiting for an event with a deadline."""

from __future__ import annotations

import asyncio

import pytest

from channels_bridge.common.event_deadline import is_set_within


async def test_whether_it_is_set() -> None:
    """By whoever sets it meanwhile, or before."""
    event = asyncio.Event()
    assert not await is_set_within(event, 0.001)
    assert not await is_set_within(event, -1)
    asyncio.get_running_loop().call_soon(event.set)
    assert await is_set_within(event, 30)
    assert await is_set_within(event, 0)


async def test_cancelled_as_it_is_set() -> None:
    """Whoever was cancelled is cancelled, though the event was set a moment before."""
    event = asyncio.Event()
    waiting = asyncio.create_task(is_set_within(event, 30))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    event.set()
    for _ in range(2):
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
