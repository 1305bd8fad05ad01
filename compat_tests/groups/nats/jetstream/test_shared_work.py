"""Work that several wait for, done once."""

from __future__ import annotations

import asyncio

import pytest

from channels_bridge.groups.nats.jetstream.shared_work import SharedWork
from compat_tests.groups.hubs import soon


async def test_once_for_all() -> None:
    """Those who ask at the same time share it; who asks later has it done again."""
    shared, done = SharedWork(), []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)

    await asyncio.gather(*(shared.run("a", work) for _ in range(5)), shared.run("b", work))
    assert len(done) == 2
    await shared.run("a", work)
    assert len(done) == 3


async def test_goes_on_without_those_who_wait() -> None:
    """Whoever is cancelled again and again gets the result in the end."""
    shared, may_end, began = SharedWork(), asyncio.Event(), []

    async def work() -> None:
        began.append(1)
        await may_end.wait()

    for _ in range(3):
        waiting = asyncio.create_task(shared.run("a", work))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    waiting = asyncio.create_task(shared.run("a", work))
    may_end.set()
    await soon(waiting)
    assert len(began) == 1


async def test_failure_reaches_all() -> None:
    """What it raises, all who wait get, and nobody is told where nobody waits."""
    shared = SharedWork()

    async def work() -> None:
        raise ValueError("no")

    results = await asyncio.gather(
        *(shared.run("a", work) for _ in range(2)), return_exceptions=True
    )
    assert [str(result) for result in results] == ["no", "no"]
    alone = asyncio.create_task(shared.run("a", work))
    alone.cancel()
    await asyncio.wait([alone])


async def test_stop() -> None:
    """Those who wait at the end are cancelled."""
    shared = SharedWork()
    waiting = asyncio.create_task(shared.run("a", asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    shared.stop()
    with pytest.raises(asyncio.CancelledError):
        await waiting
