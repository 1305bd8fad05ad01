"""Messages to the group all the time: what has become of them."""

from __future__ import annotations

import asyncio

from compat_tests.peer_faults.clients import Publisher
from compat_tests.peer_faults.faults import Seen, fault
from compat_tests.peer_faults.scene import Scene, codes


async def deliveries(scene: Scene, publisher: Publisher) -> Seen:
    """What has become of messages, and of members, once all is quiet."""
    published, members = publisher.published, scene.members
    lost = await scene.arrive(published)
    due = len(published) * sum(member.is_open for member in members)
    twice = sum(count > 1 for member in members for count in member.got.values())
    errors = ", ".join(f"{count} × {name}" for name, count in publisher.refused.items())
    return {
        "lost": f"{lost} of {due}" if due else "nobody stayed",
        "twice": twice,
        "published": len(published),
        "senders' errors": errors or "none",
        "dropped connections": codes(m.close_code for m in members if not m.is_open),
    }


@fault()
async def nothing(scene: Scene) -> Seen:
    """No fault, for comparison: 4 s of load."""
    await scene.join()
    async with scene.load() as publisher:
        await asyncio.sleep(4)
    return await deliveries(scene, publisher)
