"""Workers that die, hang or run out of something."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

import psutil

from compat_tests.peer_faults.clients import PATIENCE, Member
from compat_tests.peer_faults.faults import Seen, fault
from compat_tests.peer_faults.faults.load import deliveries
from compat_tests.peer_faults.scene import ALIVE, Scene, codes, right

STUCK_SECONDS = 3600  # for longer than anybody looks
WATCH_SECONDS = 45
ROOM = 8  # descriptors
CROWD = 60


@fault()
async def worker_killed(scene: Scene) -> Seen:
    """SIGKILL to one worker, under load."""
    members = await scene.join()
    victim = members[0].pid
    async with scene.load() as publisher:
        await asyncio.sleep(1)
        os.kill(victim, signal.SIGKILL)
        await asyncio.sleep(3)
    back = await joined_elsewhere(scene, {member.pid for member in members})
    return {
        **await deliveries(scene, publisher),
        "its clients were told": codes(member.close_code for member in scene.of(victim)),
        "another worker serves": "yes" if back else "no",
    }


async def joined_elsewhere(scene: Scene, known: set[int]) -> bool:
    """Whether clients get to a worker that is not known."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(Exception):
            visitor = await Member.join(scene.address)
            await visitor.leave()
            if visitor.pid not in known:
                return True
        await asyncio.sleep(0.05)
    return False


@fault()
async def names_of_the_dead(scene: Scene) -> Seen:
    """SIGKILL to one worker: how many names the group has before, and 5 s after."""
    members = await scene.join()
    before, _ = await scene.names()
    os.kill(members[0].pid, signal.SIGKILL)
    await scene.until(lambda: not any(member.is_open for member in scene.of(members[0].pid)))
    await joined_elsewhere(scene, {member.pid for member in members})
    await asyncio.sleep(5)
    after, seconds = await scene.names()
    kept = f"up to {seconds / 3600:.0f} hours" if after > ALIVE else "-"
    return {"names after": right(after), "names before": before, "kept for": kept}


@fault()
async def worker_stuck(scene: Scene) -> Seen:
    """A consumer blocks its worker's event loop; for 45 s, a client connects each second."""
    members = await scene.join()
    victim = members[0].pid
    began = time.monotonic()
    await members[0].ask("block", seconds=STUCK_SECONDS)
    visits = []
    while victim in scene.pids() and time.monotonic() < began + WATCH_SECONDS:
        visits.append(asyncio.create_task(connects(scene)))
        await asyncio.sleep(1)
    seconds = time.monotonic() - began
    outcomes = await asyncio.gather(*visits)
    return {
        "it is replaced": "no" if victim in scene.pids() else f"after {seconds:.0f} s",
        "handshakes over 3 s": f"{outcomes.count(False)} of {len(outcomes)}",
        "its clients were told": codes(m.close_code for m in scene.of(victim) if not m.is_open),
        "the log shows where it is stuck": "yes" if " in block" in scene.server.log() else "no",
    }


async def connects(scene: Scene) -> bool:
    """Whether a client can connect in 3 seconds."""
    with suppress(Exception):
        visitor = await Member.join(scene.address, timeout=3)
        await visitor.leave()
        return True
    return False


@fault()
async def no_descriptors(scene: Scene) -> Seen:
    """Each process may open 8 more files; 60 clients come, go after 5 s, and others come."""
    members = await scene.join()
    scene.quiet()
    processes = scene.server.processes()
    leave_room(processes)
    attempts = [asyncio.create_task(Member.join(scene.address)) for _ in range(CROWD)]
    await asyncio.sleep(2)
    before = cpu_seconds(processes)
    await asyncio.sleep(3)
    busy = (cpu_seconds(processes) - before) / 3
    refused = sum(each.done() and each.exception() is not None for each in attempts)
    answered = sum(await asyncio.gather(*map(answers, members)))
    visitors = await given_up(attempts)
    await asyncio.gather(*(visitor.leave() for visitor in visitors))
    later = [await connects(scene) for _ in range(10)]
    return {
        "members that are answered": f"{answered} of {len(members)}",
        "of the 60": f"{len(visitors)} served, {refused} refused",
        "of 10 more, when there is room": f"{later.count(True)} served",
        "CPU while it lasts": f"{busy:.0%} of a core",
        "the log": scene.said("descriptor|open files"),
    }


def leave_room(processes: Iterable[psutil.Process]) -> None:
    """Let each process open a few files more than it has open."""
    for each in processes:
        _, most = each.rlimit(resource.RLIMIT_NOFILE)
        each.rlimit(resource.RLIMIT_NOFILE, (each.num_fds() + ROOM, most))


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """User and system time so far."""
    times = [each.cpu_times() for each in processes]
    return sum(time.user + time.system for time in times)


async def answers(member: Member) -> bool:
    """Whether its consumer still answers."""
    with suppress(Exception):
        await member.echo()
        return True
    return False


async def given_up(attempts: Sequence[asyncio.Task[Member]]) -> list[Member]:
    """Cancel those that wait; return those that were successful."""
    for attempt in attempts:
        attempt.cancel()
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    return [outcome for outcome in outcomes if isinstance(outcome, Member)]
