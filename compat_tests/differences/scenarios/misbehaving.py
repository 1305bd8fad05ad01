"""Applications and consumers that do what none should, beyond what the other files have."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import tempfile
from pathlib import Path

from compat_tests.differences.client import Client
from compat_tests.differences.limits import LITTLE_PATIENCE, PATIENCE, TOO_LONG
from compat_tests.differences.recording import note
from compat_tests.differences.scenario import Application, Like, Own, Probe, Scenario, When, probe
from compat_tests.differences.scenarios.choices import (
    CANCELLED,
    CODE,
    GOODBYE,
    GOODBYE_IN_HANDSHAKE,
    SILENT,
)
from compat_tests.differences.scenarios.clients import handshake, leaves, says
from compat_tests.differences.scenarios.consumers import Noting, SyncNoting
from compat_tests.servers import wait_for


def after_accept(type: str, **message: object) -> Application:
    """Sends one message that it shouldn't."""

    @probe
    async def application(probe: Probe) -> None:
        await probe.accept()
        await probe.send(type, **message)
        await probe.rest()

    return application


@probe
async def sends_before_accept(probe: Probe) -> None:
    await probe.receive()
    await probe.send("send", text="too early")
    await probe.rest()


@probe
async def ignores_disconnect(probe: Probe) -> None:
    await probe.accept()
    await probe.rest()
    await asyncio.sleep(TOO_LONG)


class AcceptsTwice(Noting):
    async def connect(self):
        await self.accept()
        await self.accept()


class SendsBeforeAccept(Noting):
    async def connect(self):
        await self.send("too early")
        await self.accept()


class SendsAfterClose(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        await self.close(4002)
        await self.send("too late")


class SyncSendsAfterClose(SyncNoting):
    """Takes the error itself, if there is one.

    A thread sends while the client may be gone already, and then Daphne is silent, and uvicorn
    raises what it does not log. That ours is always silent is for ``parity/test_errors.py`` to
    show.
    """

    def receive(self, text_data=None, bytes_data=None):
        self.close(4002)
        with contextlib.suppress(Exception):
            self.send("too late")


class ClosesIllegally(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        await self.close(1006)


class RaisesAfterAccept(Noting):
    async def connect(self):
        await self.accept()
        raise RuntimeError("after accept")


class Blocks(Noting):
    """Says which process it runs in, after it has blocked its event loop if it is told to."""

    async def receive(self, text_data=None, bytes_data=None):
        if text_data.startswith("until "):
            note("blocking", True)
            wait_for(Path(text_data.removeprefix("until ")).exists, PATIENCE)
        await self.send(str(os.getpid()))


async def watches_neighbours(client: Client) -> None:
    """See who answers while one consumer blocks its event loop: all that run in other processes.

    Those of the same process can't: a loop runs one thing at a time, on every server.
    """
    neighbours = [client.another() for _ in range(8)]
    for one in (client, *neighbours):
        await one.connect()
    own = await answer(client, "who?")
    others = [one for one in neighbours if await answer(one, "who?") != own]
    with tempfile.TemporaryDirectory() as directory:
        end = Path(directory, "end")
        blocking = asyncio.create_task(answer(client, f"until {end}"))
        await client.noted("blocking")
        answers = [await answer(one, "who?") for one in others]
        client.outcome["others answered"] = None not in answers and not blocking.done()
        await asyncio.to_thread(end.touch)
        client.outcome["answered in the end"] = await blocking == own
    for one in (client, *neighbours):
        await one.close()
    client.outcome["messages"].clear()  # the numbers of processes


async def answer(client: Client, question: str) -> str | bytes | None:
    await client.send(question)
    return next(iter(await client.receive()), None)


class Neighbour(Noting):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data)


async def echoes_throughout(client: Client) -> None:
    """Eight connections, so that each worker has some, which talk while others misbehave."""
    connections = [client, *(client.another() for _ in range(7))]
    for one in connections:
        await one.connect()
    for number in itertools.count():
        if client.others_done.is_set() and number > 10:
            break
        for one in connections:
            await one.send("still here")
            await one.receive()
        await asyncio.sleep(0.05)  # leave the processor to the others
    for one in connections:
        await one.close()
    client.outcome["messages"] = sorted({text for one in connections for text in _seen(one)})
    client.outcome["ends"] = [one.outcome["close"] for one in connections]


def _seen(client: Client) -> list[str]:
    return client.outcome["messages"] or ["nothing"]


SCENARIOS = [
    Scenario(
        name="accept-twice",
        covers="A5b",
        application=after_accept("accept"),
        client=says(),
        choices=(CODE,),
    ),
    Scenario(
        name="send-before-accept", covers="A5b", application=sends_before_accept, client=handshake
    ),
    Scenario(
        name="send-text-and-bytes",
        covers="A7",
        application=after_accept("send", text="a", bytes=b"b"),
        client=says(patience=LITTLE_PATIENCE),
        choices=(
            Like(
                "daphne",
                "messages, close, events, end, log",
                "half of the message would be lost silently",
            ),
        ),
    ),
    Scenario(
        name="send-neither",
        covers="A7",
        application=after_accept("send"),
        client=says(patience=LITTLE_PATIENCE),
        choices=(
            Own(
                "`websocket.send` with neither text nor bytes",
                {
                    "close": [1011, ""],
                    "events": [["connect"], ["error in send"]],
                    "end": ["error of send"],
                    "log": [["ERROR", "error of send"]],
                },
            ),
        ),
    ),
    Scenario(
        name="send-wrong-type",
        covers="A7",
        application=after_accept("send", text=7),
        client=says(),
        choices=(CODE,),
    ),
    Scenario(
        name="unknown-message",
        covers="A7",
        application=after_accept("no-such-type"),
        client=says(patience=LITTLE_PATIENCE),
        choices=(
            Own("A message of a type that ASGI does not have", {"close": [1011, ""]}),
            Like("uvicorn", "events, end, log", "a misspelt type is an error of the code"),
        ),
    ),
    Scenario(
        name="ignores-disconnect",
        covers="A20",
        application=ignores_disconnect,
        client=leaves(),
        choices=(CANCELLED,),
    ),
    Scenario(
        name="consumer-accepts-twice",
        covers="A5b",
        application=AcceptsTwice.as_asgi(),
        client=says(),
        choices=(
            CODE,
            GOODBYE,
        ),
    ),
    Scenario(
        name="consumer-sends-before-accept",
        covers="A5b",
        application=SendsBeforeAccept.as_asgi(),
        client=handshake,
        choices=(GOODBYE_IN_HANDSHAKE,),
    ),
    Scenario(
        name="consumer-sends-after-close",
        covers="A8",
        application=SendsAfterClose.as_asgi(),
        client=says("x"),
        choices=(SILENT,),
    ),
    Scenario(
        name="consumer-sends-after-close-sync",
        covers="A8",
        application=SyncSendsAfterClose.as_asgi(),
        client=says("x"),
    ),
    Scenario(
        name="consumer-closes-1006",
        covers="A5",
        application=ClosesIllegally.as_asgi(),
        client=says("x"),
        choices=(
            CODE,
            GOODBYE,
        ),
    ),
    Scenario(
        name="consumer-raises-after-accept",
        covers="A1 A16",
        application=RaisesAfterAccept.as_asgi(),
        client=says(),
        choices=(
            CODE,
            GOODBYE,
        ),
    ),
    Scenario(
        name="blocks-the-loop",
        covers="A22",
        application=Blocks.as_asgi(),
        client=watches_neighbours,
        when=When.ALONE,
    ),
    Scenario(
        name="neighbours",
        covers="A1 A16",
        application=Neighbour.as_asgi(),
        client=echoes_throughout,
        when=When.THROUGHOUT,
    ),
]
