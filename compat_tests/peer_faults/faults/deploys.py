"""Stops and deploys."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from compat_tests.peer_faults.clients import Member
from compat_tests.peer_faults.faults import Seen, fault
from compat_tests.peer_faults.scene import Scene, codes
from compat_tests.servers import ServerFailed

REPLACED_SECONDS = 60
STOP_SECONDS = 30
SIZE = 100_000  # bytes of a message


@fault()
async def stop(scene: Scene) -> Seen:
    """SIGTERM to the main process."""
    members = await scene.join()
    seconds = await ended(scene)
    await scene.until(lambda: not any(member.is_open for member in members))
    return {
        "clients were told": codes(member.close_code for member in members),
        "`disconnect()` ran": codes(scene.disconnects(members)),
        "it ended": seconds,
    }


async def ended(scene: Scene) -> str:
    """Send SIGTERM; say how long it took the server to end."""
    began = time.monotonic()
    scene.server.signal(signal.SIGTERM)
    if await scene.until(lambda: scene.server.process.poll() is not None, STOP_SECONDS):
        return f"after {time.monotonic() - began:.0f} s"
    return f"not in {STOP_SECONDS} s"


@fault()
async def stop_with_stalled_client(scene: Scene) -> Seen:
    """SIGTERM to the main process while one client reads nothing of 20 MB that it was sent."""
    stalled, *others = await scene.join()
    stalled.stop_reading()
    await scene.arrive(await scene.publish(200, size=SIZE), others)
    seconds = await ended(scene)
    return {
        "it ended": seconds,
        "`disconnect()` ran": codes(scene.disconnects(scene.members)),
        "the others were told": codes(member.close_code for member in others),
    }


@fault()
async def deploy(scene: Scene) -> Seen:
    """All workers are replaced by new ones while clients connect, one after the other."""
    members = await scene.join()
    old = {member.pid for member in members}
    tried, failed, longest = 0, 0, 0.0
    replacing = asyncio.create_task(replace(scene, old))
    while not replacing.done():
        began = time.monotonic()
        tried += 1
        try:
            visitor = await Member.join(scene.address)
        except Exception:
            failed += 1
        else:
            await visitor.leave()
        longest = max(longest, time.monotonic() - began)
        await asyncio.sleep(0.01)
    await replacing
    await scene.until(lambda: not any(member.is_open for member in members))
    return {
        "handshakes failed": f"{failed} of {tried}",
        "longest handshake": f"{longest:.1f} s",
        "clients were told": codes(member.close_code for member in members),
        "`disconnect()` ran": codes(scene.disconnects(members)),
    }


async def replace(scene: Scene, old: set[int]) -> None:
    """Have all workers replaced; return once the old ones are gone."""
    if "supervisor" in scene.stack.modules:
        for count, pid in enumerate(old, len(old) + 1):
            os.kill(pid, signal.SIGTERM)
            await asyncio.to_thread(scene.server.wait_for_log, "Listening on TCP", count, 30)
    else:
        scene.server.signal(signal.SIGHUP)
    if not await scene.until(lambda: not old & scene.pids(), REPLACED_SECONDS):
        raise ServerFailed(f"the old workers are not gone\n{scene.server.log()}")
