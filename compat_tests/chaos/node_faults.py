"""What happens to the nodes that groups are on, where those are NATS', and to the links between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from compat_tests.chaos.outcomes import Suffered
from compat_tests.chaos.signals import stop
from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.servers import no_descriptors

if TYPE_CHECKING:
    from compat_tests.chaos.scene import Fault, Scene


async def node_killed(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGKILL to a node, which is started again after a while."""
    await nodes_killed(scene, [random.choice(scene.nodes)])


async def all_nodes_killed(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGKILL to all nodes, which are started again after a while."""
    await nodes_killed(scene, scene.nodes)


async def node_stopped(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGSTOP to a node, as where a host vanishes, and after a while SIGCONT."""
    await stop(random.choice(scene.nodes).pid, scene.pause)


async def node_without_descriptors(scene: Scene, suffered: Suffered, random: Random) -> None:
    """A node gets no file descriptor."""
    node = random.choice(scene.nodes)
    if node.is_running:  # else another fault has killed it
        with no_descriptors(node.pid):
            await asyncio.sleep(scene.shortage)


async def links_cut(scene: Scene, suffered: Suffered, random: Random) -> None:
    """The links between nodes break, and come back after a while; no client sees that."""
    assert scene.cluster is not None
    scene.cluster.cut(*random.sample(scene.nodes, random.randint(1, 3)))
    try:
        await asyncio.sleep(scene.shortage)
    finally:
        scene.cluster.mend()


async def links_silent(scene: Scene, suffered: Suffered, random: Random) -> None:
    """Nothing passes between a node and the others for a while, and then the links break."""
    assert scene.cluster is not None
    node = random.choice(scene.nodes)
    scene.cluster.silence(node)
    try:
        await asyncio.sleep(scene.shortage)
    finally:
        scene.cluster.cut(node)
        scene.cluster.mend()


async def nodes_killed(scene: Scene, nodes: Sequence[NatsServer]) -> None:
    """Let nodes be killed at once, and start them again after a while."""
    gone = [node for node in nodes if node.is_running]
    for node in gone:
        node.kill()
    try:
        await asyncio.sleep(scene.shortage)
    finally:
        for node in gone:
            node.launch()


NODE_FAULTS: tuple[Fault, ...] = (
    node_killed,
    all_nodes_killed,
    node_stopped,
    node_without_descriptors,
    links_cut,
    links_silent,
)
