"""Messages that are too many, too large, or no messages; and consumers with a bug."""

from __future__ import annotations

import asyncio

from compat_tests.peer_faults.clients import Refused
from compat_tests.peer_faults.faults import Seen, fault
from compat_tests.peer_faults.scene import ALIVE, Scene, codes, right

BUSY_SECONDS = 10
MESSAGES = 200
MEBIBYTE = 2**20


@fault()
async def consumer_too_slow(scene: Scene) -> Seen:
    """One of 8 consumers is busy for 10 s while 200 messages are sent to the group."""
    members = await scene.join()
    scene.quiet()
    slow, *others = members
    await slow.ask("wait", seconds=BUSY_SECONDS)
    try:
        numbers, told = await scene.publish(MESSAGES), "no error"
    except Refused as error:
        numbers, told = [], str(error)
    await slow.echo()
    lost = await scene.arrive(numbers, [slow])
    others_lost = await scene.arrive(numbers, others)
    return {
        "it lost": f"{lost} of {len(numbers)}",
        "the others lost": others_lost,
        "the sender saw": told,
        "the log": scene.said("over capacity|dropped"),
        "dropped connections": codes(m.close_code for m in members if not m.is_open),
    }


@fault()
async def burst(scene: Scene) -> Seen:
    """1,000 messages to the group, by 20 requests at a time; no consumer is busy."""
    members = await scene.join()
    scene.quiet()
    limit = asyncio.Semaphore(20)

    async def send() -> list[int]:
        async with limit:
            return await scene.publish()

    sent = await asyncio.gather(*(send() for _ in range(1000)), return_exceptions=True)
    numbers = [number for each in sent if isinstance(each, list) for number in each]
    lost = await scene.arrive(numbers)
    return {
        "lost": f"{lost} of {len(numbers) * len(members)}",
        "senders' errors": len(sent) - len(numbers),
        "the log": scene.said("over capacity|dropped"),
    }


@fault()
async def message_unserialisable(scene: Scene) -> Seen:
    """Messages to the group with a Python set in them, and with a dict that has integer keys."""
    members = await scene.join()
    seen: dict[str, object] = {}
    for content in ("a set", "integer keys"):
        try:
            numbers = await scene.publish(content=content)
        except Refused as error:
            seen[f"sender of {content}"] = str(error)
        else:
            await scene.arrive(numbers)
            got = sum(member.got[numbers[0]] for member in members)
            seen[f"sender of {content}"] = f"no error, {got} of 8 got it"
    await asyncio.sleep(1)
    dropped = codes(m.close_code for m in members if not m.is_open)
    return {"members' connections dropped": dropped, **seen}


@fault()
async def message_too_large(scene: Scene) -> Seen:
    """A client sends 2 MiB and another one 17 MiB in one message; 2 MiB are sent to the group."""
    members = await scene.join()
    small, large, *others = members
    for member, size in ((small, 2 * MEBIBYTE), (large, 17 * MEBIBYTE)):
        try:
            await member.ask("ignore", text="x" * size)
            await member.echo()
        except Exception:  # the client may learn in many ways that it is cut off
            await scene.until(lambda: not member.is_open)  # noqa: B023
    try:
        (number,) = await scene.publish(size=2 * MEBIBYTE)
    except Refused as error:
        group = f"the sender saw {error}"
    else:
        await scene.arrive([number], others)
        group = f"{sum(member.got[number] for member in others)} of {len(others)} got it"
    return {
        "2 MiB to the group": group,
        "the others' connections dropped": codes(m.close_code for m in others if not m.is_open),
        "client's 2 MiB": "taken" if small.is_open else f"closed, {small.close_code}",
        "client's 17 MiB": "taken" if large.is_open else f"closed, {large.close_code}",
    }


@fault()
async def consumer_raises(scene: Scene) -> Seen:
    """4 of 8 consumers raise an exception in ``receive()``."""
    members = await scene.join()
    failing = members[ALIVE:]
    for member in failing:
        await member.ask("fail")
    await scene.until(lambda: not any(member.is_open for member in failing))
    await scene.until(lambda: len(scene.disconnects(failing)) == len(failing), 2)
    names, seconds = await scene.names()
    kept = f", for up to {seconds / 3600:.0f} hours" if names > ALIVE and seconds else ""
    return {
        "`disconnect()` ran": codes(scene.disconnects(failing)),
        "clients were told": codes(member.close_code for member in failing),
        "names in the group": right(names) + kept,
    }
