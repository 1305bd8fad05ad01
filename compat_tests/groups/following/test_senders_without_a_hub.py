"""What a process outside of workers sends while there is no hub: to nobody, kept, or refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from channels_bridge.common.unix_sockets import TOUCH_INTERVAL
from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.hub_history import HubHistory
from channels_bridge.groups.grpc.process.grpc_history_transport import GrpcHistoryTransport
from channels_bridge.groups.grpc.process.left_history import COMING_BACK, LeftHistory
from channels_bridge.groups.grpc.process.link import Link
from channels_bridge.layers import GrpcChannelLayer
from channels_bridge.resume.tickets import LIFE
from compat_tests.groups.following_processes import BOUNDS, TOPIC, FollowingPeer
from compat_tests.groups.hubs import HubProcess, serving, soon, until

CHAT = {"chat.*": {"except": ["typing"]}}

# Longer than any of these tests may take: nothing here waits for that.
LONG = 60

MakeLayer = Callable[..., GrpcChannelLayer]


@pytest.fixture
async def make_layer(address: str) -> AsyncIterator[MakeLayer]:
    """Makes layers, each of them a process of its own."""
    layers = []

    def make_layer(**options: Any) -> GrpcChannelLayer:
        options = {"address": address, "timeout": LONG, "history": CHAT, **options}
        layers.append(GrpcChannelLayer(**options))
        return layers[-1]

    yield make_layer
    for layer in layers:
        await layer.close()


@pytest.fixture
def left(address: str) -> Path:
    """The file of a hub that is gone."""
    path = Path(f"{address.removeprefix('unix:')}.history")
    path.touch()
    return path


def message(number: int) -> dict[str, Any]:
    return {"type": "chat.message", "number": number}


def make_older(path: Path, seconds: float) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def sent_alone(layer: GrpcChannelLayer) -> int | None:
    """How many messages were sent to nobody; None unless it is certain that there is no hub."""
    link = layer.statistics().link
    return link.sent_alone if link is not None and link.alone else None


async def send_while_alone(layer: GrpcChannelLayer, number: int) -> asyncio.Task[None]:
    """Send a message that is to be kept, and make sure that the layer has found no hub."""
    sending = asyncio.create_task(layer.group_send("chat.a", message(number)))
    await until(lambda: sent_alone(layer) is not None)
    return sending


async def test_killed_hub(hub: HubProcess, make_layer: MakeLayer) -> None:
    """What was sent without an error is there for whoever comes back; what wasn't has an error."""
    before = make_layer()
    await soon(before.group_send("chat.a", message(1)))
    position = await soon(before.position("chat.a"))
    hub.kill()
    sender = make_layer()
    sending = await send_while_alone(sender, 2)
    refused = make_layer(timeout=0.5)
    with pytest.raises(TransportUnavailable):
        await soon(refused.group_send("chat.a", message(3)))
    assert not sending.done()
    await asyncio.to_thread(hub.start)
    await soon(sending)
    kept = await soon(make_layer().history("chat.a", after=position))
    assert kept.is_complete
    assert [each.message for each in kept] == [message(2)]
    link = sender.statistics().link
    assert link is not None and link.sent_alone == 0


async def test_what_nobody_comes_back_for(left: Path, make_layer: MakeLayer) -> None:
    """Groups without history, and messages that aren't kept, are sent to nobody at once."""
    layer = make_layer()
    sending = await send_while_alone(layer, 1)
    await soon(layer.group_send("room", message(2)))
    await soon(layer.group_send("chat.a", {"type": "typing"}))
    assert sent_alone(layer) == 2
    assert not sending.done()
    async with serving(layer.config.address):
        await soon(sending)
        assert [each.message for each in await layer.history("chat.a")] == [message(1)]


def test_refused_in_a_view(left: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says why it isn't sent, and what to do."""
    layer = GrpcChannelLayer(address=address, timeout=LONG, history=CHAT)
    async_to_sync(layer.group_send)("room", message(1))
    monkeypatch.setattr(Link, "absent_for", LONG)
    with pytest.raises(TransportUnavailable) as caught:
        async_to_sync(layer.group_send)("chat.a", message(2))
    assert "counts as not sent" in str(caught.value)
    assert f"places in {left} would miss it" in str(caught.value)
    assert "start it with `manage.py websockets_server`" in caught.value.advice
    left.unlink()
    async_to_sync(layer.group_send)("chat.a", message(3))
    assert sent_alone(layer) == 2
    async_to_sync(layer.close)()


async def test_the_warning(
    left: Path, make_layer: MakeLayer, caplog: pytest.LogCaptureFixture
) -> None:
    """Who reads the log knows what isn't sent."""
    await soon(make_layer().group_send("room", message(1)))
    assert f"but for messages that are kept: those are refused, as {left} exists" in caplog.text


async def test_nobody_can_come_back(make_layer: MakeLayer, left: Path) -> None:
    """Where all went with the hub, or is too old, kept messages are sent to nobody, too."""
    await soon(make_layer(history_file=None).group_send("chat.a", message(1)))
    elsewhere = left.with_name("elsewhere")
    await soon(make_layer(history_file=elsewhere).group_send("chat.a", message(1)))
    make_older(left, COMING_BACK + 1)
    await soon(make_layer().group_send("chat.a", message(1)))


def test_whoever_may_come_back(left: Path, address: str) -> None:
    """A file counts for as long as a client's tickets may be good, and where nobody can look."""
    history = LeftHistory(Address.parse(address), HubHistory())
    make_older(left, LIFE + TOUCH_INTERVAL - 60)
    assert history.may_be_continued()
    left.unlink()
    assert not history.may_be_continued()
    left.symlink_to(left)  # an error of another kind
    assert history.may_be_continued()


async def test_away_for_long(left: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there has been no hub for the timeout, nobody waits for one again."""
    transport = GrpcHistoryTransport(address, timeout=0.5, require_hub=False)
    peer = FollowingPeer(transport)
    link = transport._link
    assert link is not None
    await until(lambda: link.is_alone and link.absent_for >= 0.5)
    transport._timeout = 0.25
    monkeypatch.setattr(transport, "_room", None)  # where it would go on
    with pytest.raises(TransportUnavailable, match="would miss it when they come back"):
        await soon(transport.append_confirmed(TOPIC, b"1", BOUNDS, kept=True))
    assert peer.told == []
    await transport.aclose()


async def test_positions_of_pages(hub: HubProcess, make_layer: MakeLayer) -> None:
    """A page that is made meanwhile is no error: its socket is told that something is missing."""
    before = make_layer()
    await soon(before.group_send("chat.a", message(1)))
    hub.kill()
    layer = make_layer()
    position = await soon(layer.position("chat.a"))
    assert sent_alone(layer) is not None
    await asyncio.to_thread(hub.start)
    await soon(layer.group_send("chat.a", message(2)))
    assert not (await soon(layer.history("chat.a", after=position))).is_complete
