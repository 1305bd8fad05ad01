"""What is between the processes goes away: Redis, a node of NATS, or the hub."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

from compat_tests.peer_faults.brokers import Nodes
from compat_tests.peer_faults.clients import Member
from compat_tests.peer_faults.faults import Seen, fault
from compat_tests.peer_faults.faults.load import deliveries
from compat_tests.peer_faults.scene import Scene

DOWN_SECONDS = 1.0  # until an init system has started Redis again, or a link is mended
STOPPED_SECONDS = 10.0
HEAL_SECONDS = 20.0


async def served_again(scene: Scene) -> str:
    """How long it takes until somebody who joins gets a message."""
    began = time.monotonic()
    while time.monotonic() < began + HEAL_SECONDS:
        with suppress(Exception):
            visitor = await Member.join(scene.address)
            (number,) = await scene.publish()
            arrived = await scene.until(lambda: visitor.got[number], 1)  # noqa: B023
            await visitor.leave()
            if arrived:
                return f"after {time.monotonic() - began:.0f} s"
        await asyncio.sleep(0.2)
    return f"not in {HEAL_SECONDS:.0f} s"


@fault()
async def broker_killed(scene: Scene) -> Seen:
    """SIGKILL under load, to one of three where they are nodes of NATS; the hub's server starts
    another, Redis and the node are started again after 1 s.
    """
    await scene.join()
    async with scene.load() as publisher:
        await asyncio.sleep(1)
        scene.broker.kill()
        await asyncio.sleep(DOWN_SECONDS)
        scene.broker.restart()
        healed = await served_again(scene)
        await asyncio.sleep(3)
    return {**await deliveries(scene, publisher), "who joins then gets messages": healed}


@fault()
async def broker_stopped(scene: Scene) -> Seen:
    """SIGSTOP under load, to one of three where they are nodes of NATS; SIGCONT after 10 s."""
    await scene.join()
    async with scene.load() as publisher:
        await asyncio.sleep(1)
        scene.broker.signal(signal.SIGSTOP)
        await asyncio.sleep(STOPPED_SECONDS)
        scene.broker.signal(signal.SIGCONT)
        healed = await served_again(scene)
        await asyncio.sleep(3)
    return {**await deliveries(scene, publisher), "who joins then gets messages": healed}


@fault()
async def link_cut(scene: Scene) -> Seen:
    """The links between the nodes of NATS break under load, three times for 1 s. Redis and the hub
    are one process each.
    """
    if not isinstance(scene.broker, Nodes):
        return {"lost": "one process, no links"}
    await scene.join()
    async with scene.load() as publisher:
        for _ in range(3):
            await asyncio.sleep(1)
            scene.broker.cut()
            await asyncio.sleep(DOWN_SECONDS)
            scene.broker.mend()
        healed = await served_again(scene)
        await asyncio.sleep(3)
    return {**await deliveries(scene, publisher), "who joins then gets messages": healed}
