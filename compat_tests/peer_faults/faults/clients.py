"""Clients that hang, vanish or shout."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from statistics import median

from compat_tests.peer_faults.clients import Member
from compat_tests.peer_faults.faults import Seen, fault
from compat_tests.peer_faults.scene import ALIVE, Scene, codes, right
from compat_tests.servers import REPOSITORY

PINGS = 2  # seconds
SIZE = 100_000  # bytes of a message
MESSAGES = 800
FLOOD_SECONDS = 5


@fault(alone=True)
async def client_stops_reading(scene: Scene) -> Seen:
    """One of 4 clients reads nothing while 800 messages of 100 kB are sent to the group."""
    stalled, *others = await scene.join(4)
    # What sending itself needs is in memory already.
    await scene.arrive(await scene.publish(20, size=SIZE))
    stalled.stop_reading()
    before = scene.memory()
    began = time.monotonic()
    numbers = await scene.publish(MESSAGES, size=SIZE)
    seconds = time.monotonic() - began
    lost = await scene.arrive(numbers, others)
    grown = scene.memory() - before
    neighbour = next(member for member in others if member.pid == stalled.pid)
    return {
        "memory grew by": f"{grown:.0f} MB",
        "the others lost": f"{lost} of {len(numbers) * len(others)}",
        "the messages took": f"{seconds:.0f} s",
        "neighbour's echo": milliseconds([await neighbour.echo() for _ in range(10)]),
    }


@fault()
async def client_vanishes(scene: Scene) -> Seen:
    """4 of 8 clients end their TCP connections without a close frame, as a killed browser does."""
    members = await scene.join()
    gone = members[ALIVE:]
    for member in gone:
        member.vanish()
    await scene.until(lambda: len(scene.disconnects(gone)) == len(gone))
    names, _ = await scene.names()
    return {
        "`disconnect()` ran": codes(scene.disconnects(gone)),
        "names in the group": right(names),
    }


@fault(pings=PINGS)
async def client_goes_silent(scene: Scene) -> Seen:
    """4 of 8 clients answer no ping any more; pings are set to every 2 s, and wait for 2 s."""
    members = await scene.join()
    gone = members[ALIVE:]
    began = time.monotonic()
    for member in gone:
        member.stop_reading()
    told = await scene.until(lambda: len(scene.disconnects(gone)) == len(gone), 20)
    seconds = time.monotonic() - began
    names, _ = await scene.names()
    return {
        "`disconnect()` ran": codes(scene.disconnects(gone)),
        "after": f"{seconds:.0f} s" if told else "not in 20 s",
        "names in the group": right(names),
        "others' connections": f"{sum(m.is_open for m in members[:ALIVE])} of {ALIVE} open",
    }


@fault(alone=True)
async def client_floods(scene: Scene) -> Seen:
    """One client sends 1 kB messages as fast as it can for 5 s; its consumer ignores them."""
    members = await scene.join(4)
    command = [sys.executable, "-m", "compat_tests.peer_faults.flooder"]
    command += [f"{scene.server.ws_url}/member/", str(FLOOD_SECONDS)]
    flooder = await asyncio.create_subprocess_exec(
        *command, cwd=REPOSITORY, stdin=PIPE, stdout=PIPE
    )
    assert flooder.stdin and flooder.stdout
    pid = int(await flooder.stdout.readline())
    before = scene.memory()
    flooder.stdin.write(b"go\n")
    reading = asyncio.create_task(flooder.stdout.readline())
    grown = asyncio.create_task(most_memory(scene, reading))
    neighbour, stranger = scene.of(pid)[0], next(m for m in members if m.pid != pid)
    near, far = await asyncio.gather(echoes(neighbour, reading), echoes(stranger, reading))
    count = int(await reading)
    await flooder.wait()
    await neighbour.echo()
    return {
        "memory grew by": f"{await grown - before:.0f} MB",
        "neighbour's echo": milliseconds(near),
        "echo of the other worker": milliseconds(far),
        "messages sent": f"{count:,}",
    }


async def most_memory(scene: Scene, until: asyncio.Task[bytes]) -> float:
    """The most that is in memory meanwhile."""
    most = 0.0
    while not until.done():
        most = max(most, scene.memory())
        await asyncio.sleep(0.2)
    return most


async def echoes(member: Member, until: asyncio.Task[bytes]) -> list[float]:
    """How long an answer takes, again and again."""
    found = []
    while not until.done():
        found.append(await member.echo())
        await asyncio.sleep(0.05)
    return found


def milliseconds(seconds: list[float]) -> str:
    return f"{1000 * median(seconds):.0f} ms, at most {1000 * max(seconds):.0f} ms"
