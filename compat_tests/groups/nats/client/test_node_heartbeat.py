"""When a node is given up as silent."""

from __future__ import annotations

import asyncio

from channels_bridge.groups.nats.client.node_heartbeat import SILENT_BEATS, Heartbeat

INTERVAL = 0.01


class Node:
    """What is known of a node, one beat after the other.

    Args:
        taken: how many bytes its socket has taken by each beat; the last for all later ones.
        waiting: how many wait at each.
    """

    def __init__(self, *taken: int, waiting: int = 0) -> None:
        self.asked = 0
        self.given_up = asyncio.Event()
        self._taken = list(taken)
        self._waiting = waiting
        self.heartbeat = Heartbeat(
            INTERVAL,
            ask=self._ask,
            get_flow=self._flow,
            is_behind=lambda: False,
            on_silent=self.given_up.set,
        )

    def _ask(self) -> None:
        self.asked += 1

    def _flow(self) -> tuple[int, int]:
        taken = self._taken.pop(0) if len(self._taken) > 1 else self._taken[0]
        return taken, self._waiting


async def test_silent() -> None:
    """One from which nothing comes, and which takes nothing, is given up."""
    node = Node(0)
    await asyncio.wait_for(node.given_up.wait(), 10)
    assert node.asked == SILENT_BEATS


async def test_busy() -> None:
    """One that takes what is written to it isn't, however much is left each time."""
    beats = 5 * SILENT_BEATS
    node = Node(*range(0, beats * 1000, 1000), waiting=1000)
    await asyncio.wait_for(node.given_up.wait(), 10)
    assert node.asked == beats - 1 + SILENT_BEATS - 1


async def test_kernel_takes_little() -> None:
    """That what is written needn't wait says nothing of the node."""
    node = Node(*range(0, 1000, 10), waiting=0)
    await asyncio.wait_for(node.given_up.wait(), 10)
    assert node.asked == SILENT_BEATS
