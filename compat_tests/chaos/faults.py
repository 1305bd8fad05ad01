"""What happens to a server, one function each. Each returns when the worst is over."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from compat_tests.chaos import clock
from compat_tests.chaos.clients import Client
from compat_tests.chaos.history_faults import (
    everybody_comes_back,
    everything_killed,
    everything_killed_history_removed,
    everything_killed_history_shortened,
)
from compat_tests.chaos.node_faults import NODE_FAULTS
from compat_tests.chaos.outcomes import Suffered
from compat_tests.chaos.signals import send_signal, stop
from compat_tests.servers import no_descriptors

if TYPE_CHECKING:
    from compat_tests.chaos.scene import Fault, Scene

# Guests that find no place, in a crowd.
MANY = 20

HOUR = 3600  # seconds

MOMENT = 0.5  # seconds


async def worker_killed(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGKILL to a worker, as when memory is short."""
    pid = random.choice(scene.workers)
    suffered.victims.add(pid)
    scene.killed.add(pid)
    send_signal(pid, signal.SIGKILL)


async def worker_stopped(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGSTOP to a worker, and after a while SIGCONT."""
    pid = random.choice(scene.workers)
    suffered.victims.add(pid)
    await stop(pid, scene.pause)


async def hub_killed(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGKILL to the hub, a moment after what else happens: it may have said things in vain."""
    await asyncio.sleep(random.uniform(0, MOMENT))
    send_signal(scene.hub, signal.SIGKILL)


async def hub_stopped(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGSTOP to the hub, and after a while SIGCONT."""
    await stop(scene.hub, scene.pause)


async def supervisor_stopped(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGSTOP to the supervisor, and after a while SIGCONT."""
    await stop(scene.server.pid, scene.pause)


async def reloaded(scene: Scene, suffered: Suffered, random: Random) -> None:
    """SIGHUP: all workers are replaced."""
    suffered.victims.update(scene.workers)
    scene.server.signal(signal.SIGHUP)

    async def are_replaced() -> bool:
        return suffered.victims.isdisjoint(pids(await scene.status()))

    await scene.until(are_replaced, "reload")


async def clients_left(scene: Scene, suffered: Suffered, random: Random) -> None:
    """Clients close their connections."""
    await asyncio.gather(*(client.leave() for client in some(scene, random)))


async def clients_vanished(scene: Scene, suffered: Suffered, random: Random) -> None:
    """Connections of clients break off, without a close frame."""
    for client in some(scene, random):
        client.vanish()


async def client_stalled(scene: Scene, suffered: Suffered, random: Random) -> None:
    """A client asks for much and reads nothing any more, until the server cuts it off."""
    client = random.choice(present(scene))
    record = client.record
    suffered.victims.add(record.name)

    async def is_cut_off() -> bool:
        status = await scene.status()
        return cut_offs(status) > before or not is_there(record.worker)

    async def has_noticed() -> bool:
        return record.ended is not None

    with client.not_reading():
        before = cut_offs(await scene.status())
        if await client.ask_for_much():  # else something else has ended its connection
            await scene.until(is_cut_off, "end of a client that does not read")
            # It may be another's end that was counted, as of one behind a half-open link. Were this
            # one to read again, it would have missed what there was no room for. But it may have
            # noticed its own, when it wrote something, and may be on its way back.
            if record.ended is None:
                client.vanish()
    await scene.until(has_noticed, "word of that at the client")


async def client_flooding(scene: Scene, suffered: Suffered, random: Random) -> None:
    """A client sends as fast as it can."""
    client = random.choice(present(scene))
    record = client.record
    suffered.victims.add(record.name)
    await client.flood()

    async def is_over() -> bool:
        return record.ended is not None or client.is_settled

    await scene.until(is_over, "end of a flood")


async def crowd(scene: Scene, suffered: Suffered, random: Random) -> None:
    """More clients come than there are places for, and go again."""
    guests = [scene.new_client() for _ in range(scene.places + MANY)]
    visits = asyncio.gather(*(guest.visit() for guest in guests))

    async def are_decided() -> bool:
        return all(guest.record.is_open or guest.record.ended for guest in guests)

    await scene.until(are_decided, "end of all handshakes")
    await asyncio.gather(*(guest.leave() for guest in guests if guest.record.is_open))
    await visits


async def worker_without_descriptors(scene: Scene, suffered: Suffered, random: Random) -> None:
    """A worker gets no file descriptor, while clients come."""
    pid = random.choice(scene.workers)
    suffered.victims.add(pid)
    with no_descriptors(pid):
        await clients_left(scene, suffered, random)
        await asyncio.sleep(scene.shortage)


async def supervisor_without_descriptors(scene: Scene, suffered: Suffered, random: Random) -> None:
    """The supervisor gets no file descriptor, while clients come."""
    with no_descriptors(scene.server.pid):
        await clients_left(scene, suffered, random)
        await asyncio.sleep(scene.shortage)


async def hub_without_descriptors(scene: Scene, suffered: Suffered, random: Random) -> None:
    """The hub gets no file descriptor."""
    with no_descriptors(scene.hub):
        await asyncio.sleep(scene.shortage)


async def disk_full(scene: Scene, suffered: Suffered, random: Random) -> None:
    """There is no room for logs, nor for the socket of a hub that is killed meanwhile."""
    scene.disk.fill()
    try:
        if scene.hub:
            send_signal(scene.hub, signal.SIGKILL)
        await asyncio.sleep(scene.shortage)
    finally:
        scene.disk.free()


async def clock_set_forward(scene: Scene, suffered: Suffered, random: Random) -> None:
    """Somebody sets the clock an hour ahead, and after a while back."""
    await set_clock(scene, HOUR)


async def clock_set_back(scene: Scene, suffered: Suffered, random: Random) -> None:
    """Somebody sets the clock a day back, and after a while ahead."""
    await set_clock(scene, -24 * HOUR)


async def links_half_open(scene: Scene, suffered: Suffered, random: Random) -> None:
    """Clients come by another network; what they had stays open, and nobody reads it."""
    for client in some(scene, random):
        client.lose_link()


#: Those of the hub; where groups are on nodes, it is theirs.
HUB_FAULTS: tuple[Fault, ...] = (
    hub_killed,
    hub_stopped,
    hub_without_descriptors,
    everything_killed,
    everything_killed_history_removed,
    everything_killed_history_shortened,
    everybody_comes_back,
)

#: These ask the server, or leave none that could be asked.
ALONE: tuple[Fault, ...] = HUB_FAULTS[3:]

#: The others.
FAULTS: tuple[Fault, ...] = (
    worker_killed,
    worker_stopped,
    supervisor_stopped,
    reloaded,
    clients_left,
    clients_vanished,
    links_half_open,
    client_stalled,
    client_flooding,
    crowd,
    worker_without_descriptors,
    supervisor_without_descriptors,
    disk_full,
    clock_set_forward,
    clock_set_back,
)


def concerning(scene: Scene) -> tuple[Fault, ...]:
    """Those that can happen to what is there."""
    return FAULTS + (NODE_FAULTS if scene.cluster else HUB_FAULTS)


def at_hand(scene: Scene) -> list[Fault]:
    """Those that this machine allows."""
    missing: set[Fault] = set()
    if not scene.disk.is_small:
        missing.add(disk_full)
    if not clock.AT_HAND:
        missing |= {clock_set_forward, clock_set_back}
    return [fault for fault in concerning(scene) if fault not in missing]


def present(scene: Scene) -> list[Client]:
    """The clients that are in their rooms and listen."""
    return [client for client in scene.clients if client.is_listening]


def some(scene: Scene, random: Random) -> list[Client]:
    """A third of them."""
    clients = present(scene)
    return random.sample(clients, len(clients) // 3)


def pids(status: dict[str, Any]) -> set[int]:
    """The workers that there are."""
    return {worker["pid"] for worker in status["workers"]}


def is_there(pid: int) -> bool:
    """Whether a process exists: one that is stopped is not in the status either."""
    return Path(f"/proc/{pid}").exists()


def cut_offs(status: dict[str, Any]) -> int:
    """How many clients that do not read the server has cut off so far."""
    reasons = status["totals"]["cut_off"]
    return sum(reasons.get(reason, 0) for reason in ("write_timeout", "inbox_full"))


async def set_clock(scene: Scene, offset: int) -> None:
    """Let the clock be wrong for a while."""
    scene.clock.set(offset)
    try:
        await asyncio.sleep(scene.shortage)
    finally:
        scene.clock.set(0)
