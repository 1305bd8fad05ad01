"""What happens to all of a server at once, and to the history that its hub keeps in a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from compat_tests.chaos.outcomes import Suffered

if TYPE_CHECKING:
    from compat_tests.chaos.scene import Scene

ROOMS = 3  # of a scene


async def everybody_comes_back(scene: Scene, suffered: Suffered, random: Random) -> None:
    """All connections break off at once: workers know what was said, and hardly ask the hub."""
    before = follows(await scene.status())
    for client in scene.clients:
        if client.is_listening:
            client.vanish()

    async def are_back() -> bool:
        return all(client.record.is_open for client in scene.clients)

    await scene.until(are_back, "return of everybody")
    asked = follows(await scene.status()) - before
    if asked > len(scene.workers) * ROOMS:
        scene.broken.append(f"I7 a storm at the hub: asked {asked} times for {ROOMS} rooms")


async def everything_killed(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGKILL to all processes of the server, which is started again."""
    await restart(scene, lambda history: None)


async def everything_killed_history_removed(
    scene: Scene, suffered: Suffered, random: Random
) -> None:
    """The same, and what the hub had kept in its file is gone."""
    await restart(scene, lambda history: history.unlink(missing_ok=True))


async def everything_killed_history_shortened(
    scene: Scene, suffered: Suffered, random: Random
) -> None:
    """The same, and the end of that file is gone, as after a power cut."""
    await restart(scene, shorten)


def shorten(path: Path) -> None:
    """Take the last third of a file away; there may be none, after the disk was full."""
    if path.exists():
        os.truncate(path, path.stat().st_size * 2 // 3)


async def restart(scene: Scene, change: Callable[[Path], object]) -> None:
    """Kill the server, do something to its history, and start it again."""
    scene.killed.update(scene.workers)
    await asyncio.to_thread(scene.stage.kill)
    change(scene.stage.history)
    await asyncio.to_thread(scene.stage.start)


def follows(status: dict[str, Any]) -> int:
    """How often the hub was asked so far for what was said in a room."""
    return int(status["totals"].get("history_fetches", 0))
