"""What an application and a client may do to each other once the connection is open."""

from __future__ import annotations

import asyncio
import struct

from websockets.frames import Opcode

from compat_tests.differences.client import Client
from compat_tests.differences.limits import LITTLE_PATIENCE
from compat_tests.differences.recording import note
from compat_tests.differences.scenario import Application, Like, Own, Probe, Scenario, When, probe
from compat_tests.differences.scenarios.choices import CODE, LEGAL, VIOLATION
from compat_tests.differences.scenarios.clients import leaves, says


@probe
async def echoes(probe: Probe) -> None:
    await probe.accept()
    while (event := await probe.receive())["type"] == "websocket.receive":
        await probe.send("send", **{key: event[key] for key in ("text", "bytes") if event.get(key)})


@probe
async def raises(probe: Probe) -> None:
    await probe.accept()
    await probe.receive()
    raise RuntimeError("after accept")


@probe
async def returns(probe: Probe) -> None:
    await probe.accept()
    await probe.receive()


@probe
async def says_keys(probe: Probe) -> None:
    await probe.accept()
    for _ in range(2):
        note("keys", sorted(await probe.receive()))
    note("keys", sorted(await probe.receive()))


def closes(code: int | None = None, reason: str | None = None) -> Application:
    given = {"code": code, "reason": reason}

    @probe
    async def application(probe: Probe) -> None:
        await probe.accept()
        await probe.send("close", **{key: value for key, value in given.items() if value})
        await probe.rest()

    return application


def sends(*messages: dict[str, str | bytes]) -> Application:
    @probe
    async def application(probe: Probe) -> None:
        await probe.accept()
        for message in messages:
            await probe.send("send", **message)
        await probe.rest()

    return application


@probe
async def sends_after_close(probe: Probe) -> None:
    await probe.accept()
    await probe.send("close", code=4002)
    await probe.attempt("send", text="too late")
    await probe.rest()


@probe
async def closes_twice(probe: Probe) -> None:
    await probe.accept()
    await probe.send("close", code=4002)
    await probe.attempt("close", code=4003)
    await probe.rest()


@probe
async def sends_after_leave(probe: Probe) -> None:
    await probe.accept()
    await probe.rest()
    await probe.attempt("send", text="anybody there?")
    await probe.attempt("close")


@probe
async def sends_much(probe: Probe) -> None:
    """Sends 16 MiB, or as much as the server takes."""
    await probe.accept()
    try:
        for _ in range(16):
            await asyncio.wait_for(probe.send("send", bytes=bytes(2**20)), 1)
        note("sending", "all taken")
    except asyncio.TimeoutError:
        note("sending", "waited")
    await probe.rest()


async def closes_with_reason(client: Client) -> None:
    await client.connect()
    await client.close(4321, "bye")


async def closes_without_code(client: Client) -> None:
    await client.connect()
    await client.close(None)


async def vanishes(client: Client) -> None:
    await client.connect()
    await client.send("hello")
    await client.receive()
    await client.abort()


async def announces_too_much(client: Client) -> None:
    """Send the head of a frame over the limit, and no more: uvicorn's answer is lost to a client
    that is still sending.
    """
    await client.connect()
    await client.write(b"\x81\xff" + struct.pack("!Q", 2**20 + 1) + b"mask")
    await client.closed()


async def reads_to_the_end(client: Client) -> None:
    await client.connect()
    for _ in range(3):
        if "end" not in client.outcome["messages"]:
            await client.receive()
    await client.close()


async def does_not_read(client: Client) -> None:
    await client.connect()
    await client.noted("sending")


def frames(*parts: tuple[Opcode, bytes, bool], receive: int = 0, close: bool = False):
    async def client(client: Client) -> None:
        await client.connect()
        for part in parts:
            await client.send_frame(*part)
        await client.receive(receive)
        await (client.close() if close else client.closed())
        if isinstance(client.outcome["close"], list):
            client.outcome["close"].pop()  # the reason is meant for people

    return client


async def pings(client: Client) -> None:
    await client.connect()
    await client.send_frame(Opcode.PING, b"are you there")
    await client.send("hello")
    await client.receive()
    await client.close()


SCENARIOS = [
    Scenario(
        name="echo",
        covers="A13",
        application=echoes,
        client=leaves("text", "Grüße, 世界", b"\x00\xff", receive=3),
    ),
    Scenario(
        name="order",
        covers="A22",
        application=echoes,
        client=leaves(*map(str, range(50)), receive=50),
    ),
    Scenario(
        name="raise-after-accept",
        covers="A1",
        application=raises,
        client=says("go"),
        choices=(CODE,),
    ),
    Scenario(
        name="return-after-accept",
        covers="A2",
        application=returns,
        client=says("go", patience=LITTLE_PATIENCE),
        choices=(Own("The same for an application that returns", {"close": [1000, ""]}),),
    ),
    Scenario(
        name="close",
        covers="A3 A4",
        application=closes(4123, "go home"),
        client=says(),
        choices=(Like("uvicorn", "close", "the application gave a reason"),),
    ),
    Scenario(name="close-without-code", covers="A3 A4", application=closes(), client=says()),
    *(
        Scenario(
            name=f"close-{code}",
            covers="A5",
            application=closes(code),
            client=says(),
            choices=(LEGAL,),
        )
        for code in (1001, 1002, 1012)
    ),
    *(
        Scenario(
            name=f"close-{code}",
            covers="A5",
            application=closes(code),
            client=says(),
            choices=(CODE,),
        )
        for code in (999, 1004, 1005, 1006, 1015, 2999, 5000)
    ),
    *(
        Scenario(name=f"close-{code}", covers="A5", application=closes(code), client=says())
        for code in (3000, 4999)
    ),
    Scenario(
        name="close-1011",
        covers="A5",
        application=closes(1011),
        client=says(),
        choices=(Like("uvicorn", "events, end, log", "RFC 6455 allows the code"),),
    ),
    Scenario(
        name="close-reason-too-long",
        covers="A5",
        application=closes(4000, "x" * 124),
        client=says(),
        choices=(
            Own("A reason of more than 123 bytes", {"close": [1011, ""]}),
            Like(
                "uvicorn",
                "events, end, log",
                "the application learns that its reason can't be sent",
            ),
        ),
    ),
    Scenario(
        name="empty-messages",
        covers="A6",
        application=sends({"text": ""}, {"bytes": b""}, {"text": "end"}),
        client=reads_to_the_end,
        choices=(Like("uvicorn", "messages", "the client may wait for them"),),
    ),
    Scenario(
        name="send-after-close",
        covers="A8",
        application=sends_after_close,
        client=says(),
        choices=(
            Own("`send()` after `close()` raises", {"events": [["connect"], ["disconnect", 4002]]}),
        ),
    ),
    Scenario(
        name="close-twice",
        covers="A8",
        application=closes_twice,
        client=says(),
        choices=(Like("daphne", "events", "the connection is closed, as was asked"),),
    ),
    Scenario(
        name="send-after-leave",
        covers="A9",
        application=sends_after_leave,
        client=leaves(),
        choices=(
            Like("daphne", "events", "an application can't know that its client has just left"),
        ),
    ),
    Scenario(
        name="client-closes",
        covers="A10",
        application=echoes,
        client=closes_with_reason,
        choices=(Like("uvicorn", "close", "RFC 6455, 5.5.1: the code is echoed"),),
    ),
    Scenario(
        name="client-closes-without-code",
        covers="A10",
        application=echoes,
        client=closes_without_code,
        choices=(
            Like(
                "uvicorn", "close, events", "`disconnect()` needs a code; RFC 6455, 7.1.5 has 1005"
            ),
        ),
    ),
    Scenario(
        name="client-vanishes",
        covers="A11",
        application=echoes,
        client=vanishes,
        choices=(Like("daphne", "events", "RFC 6455, 7.1.5: without a close frame it is 1006"),),
    ),
    Scenario(
        name="message-over-the-limit",
        covers="A12",
        application=echoes,
        client=announces_too_much,
        choices=(VIOLATION,),
    ),
    Scenario(
        name="message-at-the-limit",
        covers="A12",
        application=echoes,
        client=leaves("x" * 2**20, receive=1),
    ),
    Scenario(
        name="event-keys",
        covers="A10 A13",
        application=says_keys,
        client=leaves("a", b"b"),
        choices=(Like("uvicorn", "keys", "the ASGI specification has a reason"),),
    ),
    Scenario(
        name="client-does-not-read",
        covers="A14",
        application=sends_much,
        client=does_not_read,
        when=When.ALONE,
        choices=(
            Like("uvicorn", "sending", "Daphne buffers without a bound"),
            Like("daphne", "events", "RFC 6455, 7.1.5: without a close frame it is 1006"),
        ),
    ),
    Scenario(name="ping", covers="A13", application=echoes, client=pings),
    Scenario(
        name="fragments",
        covers="A13",
        application=echoes,
        client=frames(
            (Opcode.TEXT, b"one ", False),
            (Opcode.PING, b"in between", True),
            (Opcode.CONT, b"message", True),
            receive=1,
            close=True,
        ),
    ),
    Scenario(
        name="invalid-utf8",
        covers="A12",
        application=echoes,
        client=frames((Opcode.TEXT, b"\xff\xfe", True)),
        choices=(VIOLATION,),
    ),
    Scenario(
        name="unexpected-continuation",
        covers="A12",
        application=echoes,
        client=frames((Opcode.CONT, b"of what?", True)),
        choices=(VIOLATION,),
    ),
]
