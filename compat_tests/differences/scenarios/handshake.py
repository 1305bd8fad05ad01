"""How a connection is accepted or refused."""

from __future__ import annotations

import asyncio

from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import URLRouter

from compat_tests.differences.client import Client
from compat_tests.differences.limits import LITTLE_PATIENCE
from compat_tests.differences.scenario import Like, Own, Probe, Scenario, probe
from compat_tests.differences.scenarios.choices import GOODBYE_IN_HANDSHAKE, NOT_FOUND, OVERDUE
from compat_tests.differences.scenarios.clients import handshake, leaves
from compat_tests.differences.scenarios.consumers import Noting, SyncNoting


@probe
async def closes(probe: Probe) -> None:
    await probe.receive()
    await probe.send("close", code=4001, reason="go away")
    await probe.rest()


@probe
async def raises(probe: Probe) -> None:
    await probe.receive()
    raise RuntimeError("before accept")


@probe
async def returns(probe: Probe) -> None:
    await probe.receive()


@probe
async def never_decides(probe: Probe) -> None:
    await probe.rest()


@probe
async def denies(probe: Probe) -> None:
    await probe.receive()
    headers = [(b"content-type", b"text/plain"), (b"x-why", b"full")]
    await probe.send("http.response.start", status=418, headers=headers)
    await probe.send("http.response.body", body=b"no seat ", more_body=True)
    await probe.send("http.response.body", body=b"left")
    await probe.rest()


@probe
async def sends_headers(probe: Probe) -> None:
    await probe.accept(headers=[(b"x-room", b"7"), (b"set-cookie", b"seat=7")])
    await probe.rest()


def chooses(subprotocol: str | None):
    @probe
    async def application(probe: Probe) -> None:
        await probe.accept(subprotocol=subprotocol)
        await probe.rest()

    return application


class Denying(Noting):
    async def connect(self):
        raise DenyConnection


class Closing(Noting):
    async def connect(self):
        await self.close(4001)


class SyncClosing(SyncNoting):
    def connect(self):
        self.close(4001)


class Raising(Noting):
    async def connect(self):
        raise RuntimeError("in connect")


class SyncRaising(SyncNoting):
    def connect(self):
        raise RuntimeError("in connect")


class Undecided(Noting):
    async def connect(self):
        pass


class SyncUndecided(SyncNoting):
    def connect(self):
        pass


class InGroups(Noting):
    groups = ["declared"]

    async def connect(self):
        await self.channel_layer.group_send("declared", {"type": "hello"})
        await self.accept()

    async def hello(self, event):
        await self.send("hello")


class WithoutLayer(AsyncWebsocketConsumer):
    channel_layer_alias = "missing"
    groups = ["declared"]


DEFLATE = [
    "permessage-deflate",
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits=12",
]


async def gives_up(client: Client) -> None:
    """Leave as soon as the application knows of the handshake."""
    connecting = asyncio.create_task(client.connect())
    await client.noted("events")
    connecting.cancel()


async def waits(client: Client) -> None:
    """Make a handshake that some server never answers."""
    await client.connect(patience=LITTLE_PATIENCE)


SCENARIOS = [
    Scenario(name="close-before-accept", covers="H1 H2", application=closes, client=handshake),
    Scenario(name="raise-before-accept", covers="H3", application=raises, client=handshake),
    Scenario(
        name="return-before-accept",
        covers="H4",
        application=returns,
        client=handshake,
        choices=(
            Like(
                "uvicorn", "status, log", "Daphne keeps the client waiting for 5 s, then drops it"
            ),
        ),
    ),
    Scenario(
        name="never-decides",
        covers="H5",
        application=never_decides,
        client=waits,
        choices=(OVERDUE,),
    ),
    Scenario(name="client-gives-up", covers="H5", application=never_decides, client=gives_up),
    Scenario(
        name="denial-response",
        covers="H6 S9",
        application=denies,
        client=leaves(keep=["content-type", "x-why"]),
        choices=(
            Like("uvicorn", "status, headers, body", "the ASGI specification has it"),
            Like("daphne", "log", "a refusal is no error"),
        ),
    ),
    Scenario(
        name="accept-headers",
        covers="H7",
        application=sends_headers,
        client=leaves(keep=["x-room", "set-cookie"]),
        choices=(Like("uvicorn", "headers", "the ASGI specification has them"),),
    ),
    Scenario(
        name="subprotocol-offered",
        covers="H8",
        application=chooses("b"),
        client=leaves(subprotocols="a, b"),
    ),
    Scenario(
        name="subprotocol-none",
        covers="H8",
        application=chooses(None),
        client=leaves(subprotocols="a, b"),
    ),
    Scenario(
        name="subprotocol-not-offered",
        covers="H9",
        application=chooses("c"),
        client=handshake,
        choices=(
            Own(
                "A subprotocol that the client did not offer",
                {
                    "status": 500,
                    "events": [["connect"], ["error in accept"]],
                    "end": ["error of send"],
                    "log": [["ERROR", "error of send"]],
                },
            ),
            Like("daphne", "close, subprotocol", "a client must fail such a connection"),
        ),
    ),
    Scenario(
        name="compression",
        covers="H10",
        application=chooses(None),
        client=leaves(
            headers=[("Sec-WebSocket-Extensions", "permessage-deflate")],
            keep=["sec-websocket-extensions"],
        ),
        choices=(
            Own(
                "Messages are not compressed",
                {"headers": {"sec-websocket-extensions": "; ".join(DEFLATE)}},
            ),
        ),
    ),
    Scenario(
        name="no-route",
        covers="H11 R2",
        application=URLRouter([]),
        client=handshake,
        choices=(NOT_FOUND,),
    ),
    Scenario(name="deny", covers="H12", application=Denying.as_asgi(), client=handshake),
    Scenario(
        name="close-in-connect", covers="H12", application=Closing.as_asgi(), client=handshake
    ),
    Scenario(
        name="close-in-connect-sync",
        covers="H12",
        application=SyncClosing.as_asgi(),
        client=handshake,
    ),
    Scenario(
        name="raise-in-connect",
        covers="H13",
        application=Raising.as_asgi(),
        client=handshake,
        choices=(GOODBYE_IN_HANDSHAKE,),
    ),
    Scenario(
        name="raise-in-connect-sync",
        covers="H13",
        application=SyncRaising.as_asgi(),
        client=handshake,
        choices=(GOODBYE_IN_HANDSHAKE,),
    ),
    Scenario(
        name="undecided",
        covers="H14",
        application=Undecided.as_asgi(),
        client=waits,
        choices=(OVERDUE,),
    ),
    Scenario(
        name="undecided-sync",
        covers="H14",
        application=SyncUndecided.as_asgi(),
        client=waits,
        choices=(OVERDUE,),
    ),
    Scenario(
        name="default-connect",
        covers="H15",
        application=AsyncWebsocketConsumer.as_asgi(),
        client=leaves(),
    ),
    Scenario(
        name="default-connect-sync",
        covers="H15",
        application=WebsocketConsumer.as_asgi(),
        client=leaves(),
    ),
    Scenario(
        name="declared-groups",
        covers="H16",
        application=InGroups.as_asgi(),
        client=leaves(receive=1),
    ),
    Scenario(
        name="declared-groups-without-layer",
        covers="H16 L3",
        application=WithoutLayer.as_asgi(),
        client=handshake,
        choices=(
            Own(
                "After an exception in `connect()`, `disconnect()` is not called",
                {
                    # Leaving the groups fails for the same reason, which is logged as well.
                    "log": [["ERROR", "InvalidChannelLayerError"]] * 2,
                },
            ),
        ),
    ),
]
