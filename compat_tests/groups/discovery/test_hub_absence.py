"""A process that finds no hub is one of its own, until there is one."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.discovery import hub_absence
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.other_hubs import Absence
from channels_bridge.groups.discovery.process_liveness import UNKNOWN, own_presence
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.process import client, grpc_transport, link
from channels_bridge.layers import GrpcChannelLayer
from compat_tests.groups.hubs import serving, soon, until
from compat_tests.groups.sessions import Process, exchange_all

HELLO = {"type": "hello"}

# Longer than any of these tests may take: nothing here waits for that.
LONG = 60


@pytest.fixture
async def make_layer() -> AsyncIterator[Callable[..., GrpcChannelLayer]]:
    """Makes layers, each of them a process of its own."""
    layers = []

    def make_layer(address: str, **options: Any) -> GrpcChannelLayer:
        layers.append(GrpcChannelLayer(**{"address": address, "timeout": LONG, **options}))
        return layers[-1]

    yield make_layer
    for layer in layers:
        await layer.close()


def unused_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """The lock of a hub's place is held."""
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def left_behind(path: Path, presence: str | None = None) -> Iterator[None]:
    """A hub has left a process that exists, for all that is known, and isn't this one."""
    of_another_namespace = own_presence().replace("pid:[", "pid:[1")
    left = of_another_namespace if presence is None else presence
    Path(path).write_text(json.dumps([["00", left]]))
    yield
    os.unlink(path)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_groups_work_within_the_process(address, make_layer, caplog):
    """Groups and channels work at once; one warning says so, and what is sent is counted."""
    layer = make_layer(address)
    channel = await soon(layer.new_channel())
    await layer.group_add("room", channel)
    await layer.group_send("room", HELLO)
    await layer.group_send_many(["room", "nobody"], HELLO)
    await layer.send(channel, HELLO)
    assert [await soon(layer.receive(channel)) for _ in range(3)] == [HELLO] * 3
    await layer.group_discard("room", channel)
    await layer.flush()
    (warning,) = warnings(caplog)
    assert warning.startswith(f"there is no groups hub at {address}: what this process sends")
    link = layer.statistics().link
    assert (link.alone, link.connected, link.lag, link.sent_alone) == (True, False, 0, 3)


def test_synchronous_code(address):
    """Commands and views, which call from threads without a loop, don't wait for a hub either."""
    layer = GrpcChannelLayer(address=address, timeout=LONG)
    for _ in range(3):
        async_to_sync(layer.group_send)("room", HELLO)
    async_to_sync(layer.group_send_many)(["room"], HELLO)
    assert layer.statistics().link.sent_alone == 4
    async_to_sync(layer.close)()


async def test_others_are_not_there(address, make_layer):
    """What another process would have to get is an error at once, which says what to do."""
    layer = make_layer(address)
    await layer.group_send("room", HELLO)
    calls = [
        layer.send("specific.other!channel", HELLO),
        layer.send_many(["specific.other!channel"], HELLO),
        layer.ask("close", {}),
    ]
    for call in calls:
        with pytest.raises(TransportUnavailable, match=f"{address} .*websockets_server"):
            await soon(call)
    own = await layer.new_channel()
    with pytest.raises(TransportUnavailable):
        await soon(layer.send_many(["specific.other!channel", own], HELLO))
    assert await soon(layer.receive(own)) == HELLO


@pytest.mark.parametrize("call", ["send", "group_add"])
async def test_nobody_keeps_named_channels(address, make_layer, call):
    """Nobody keeps what is sent to a named channel: its sender waits for a hub, and is told."""
    layer = make_layer(address, timeout=1)
    await layer.group_send("room", HELLO)
    arguments = ["worker", HELLO] if call == "send" else ["room", "worker"]
    with pytest.raises(TransportUnavailable):
        await getattr(layer, call)(*arguments)


async def test_many_named_channels(address, make_layer):
    """Who sends to several named channels waits for a hub once, not for each of them."""
    layer = make_layer(address)
    await layer.group_send("room", HELLO)
    sending = asyncio.create_task(layer.send_many(["one", "two", "three"], HELLO))
    await until(lambda: layer.statistics().link.unacknowledged == 3)
    sending.cancel()
    await asyncio.wait([sending])


async def test_many_groups(address, make_layer, monkeypatch):
    """However many groups have members, what nobody can get is an error at once."""
    monkeypatch.setattr(client, "MAX_REQUESTS", 2)
    layer = make_layer(address)
    channel = await layer.new_channel()
    for number in range(3):
        await layer.group_add(f"room_{number}", channel)
    await soon(layer.group_send("room", HELLO))
    for call in (layer.send("specific.other!channel", HELLO), layer.ask("close", {})):
        with pytest.raises(TransportUnavailable):
            await soon(call)


async def test_first_call_to_another_process(address, make_layer):
    """The first call that needs a hub fails as soon as it is certain that there is none."""
    with pytest.raises(TransportUnavailable):
        await soon(make_layer(address).send("specific.other!channel", HELLO))


async def test_hub_that_appears(address, make_layer):
    """A process joins a hub that starts later, with the members it has, and leaves none behind."""
    one, two = make_layer(address), make_layer(address)
    channels = []
    for layer in (one, two):
        channels.append(await layer.new_channel())
        await layer.group_add("room", channels[-1])
        await layer.group_send("nobody", HELLO)
    await one.group_send("room", {"type": "alone"})
    async with serving(address):
        await until(lambda: one.statistics().link.connected and two.statistics().link.connected)
        assert not one.statistics().link.alone
        await one.group_send("room", {"type": "joined"})
        assert [(await soon(one.receive(channels[0])))["type"] for _ in range(2)] == [
            "alone",
            "joined",
        ]
        assert (await soon(two.receive(channels[1])))["type"] == "joined"
        await two.send(channels[0], HELLO)
        assert await soon(one.receive(channels[0])) == HELLO


async def test_looks_for_a_hub(address, make_layer, monkeypatch):
    """A process that is alone goes on looking for a hub often, as it loses what it sends."""
    looks = []

    async def count(address):
        looks.append(address)
        return True

    monkeypatch.setattr(link, "is_absent", count)
    monkeypatch.setattr(link, "MAX_DELAY", LONG)
    await make_layer(address).group_send("room", HELLO)
    await until(lambda: len(looks) > 12)


@pytest.mark.parametrize("call", ["group_send", "new_channel"])
async def test_required_hub(address, make_layer, call):
    """With ``require_hub`` the lack of a hub is an error, after the timeout."""
    layer = make_layer(address, timeout=0.3, require_hub=True)
    arguments = ["room", HELLO] if call == "group_send" else []
    with pytest.raises(TransportUnavailable, match="there is no such socket"):
        await getattr(layer, call)(*arguments)


async def test_hub_that_does_not_answer(hub, make_layer):
    """A hub that is there and doesn't answer is an error, not a lack of members."""
    hub.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(TransportUnavailable):
            await make_layer(hub.address, timeout=1).group_send("room", HELLO)
    finally:
        hub.process.send_signal(signal.SIGCONT)


async def test_hub_that_starts(address, make_layer):
    """While a hub holds its lock, it is about to serve: a process waits for it."""
    layer = make_layer(address)
    with locked(f"{address.removeprefix('unix:')}.lock"):
        sending = asyncio.create_task(layer.group_send("room", HELLO))
        await asyncio.wait([sending], timeout=1)  # the passing of time is what is tested
        assert not sending.done()
    await soon(sending)
    assert layer.statistics().link.alone


async def test_others_wait_for_a_hub(address, make_layer):
    """Where members of a killed hub's processes wait for the next one, so does a new process."""
    layer = make_layer(address)
    with left_behind(f"{address.removeprefix('unix:')}.roster"):
        sending = asyncio.create_task(layer.group_send("room", HELLO))
        await asyncio.wait([sending], timeout=1)  # the passing of time is what is tested
        assert not sending.done()
    await soon(sending)


async def test_members_that_wait_longer(address, make_layer):
    """As long as members elsewhere wait for a hub, nothing that they miss passes for sent."""
    layer = make_layer(address, timeout=0.3)
    with left_behind(f"{address.removeprefix('unix:')}.roster"):
        trouble = ""
        while "other processes wait for a hub" not in trouble:
            with pytest.raises(TransportUnavailable) as raised:
                await soon(layer.group_send("room", HELLO))
            trouble = str(raised.value)
        link = layer.statistics().link
        assert (link.alone, link.sent_alone) == (False, 0)
    await until(lambda: layer.statistics().link.alone)
    await layer.group_send("room", HELLO)
    assert layer.statistics().link.sent_alone == 1


@pytest.mark.parametrize("presence", ["another-boot pid:[1] 1 1", UNKNOWN])
async def test_members_that_nobody_can_find(address, make_layer, presence):
    """Who was there before the machine was booted, or of whom nothing tells whether they live, is
    not waited for longer than the timeout.
    """
    layer = make_layer(address, timeout=0.3)
    with left_behind(f"{address.removeprefix('unix:')}.roster", presence):
        with contextlib.suppress(TransportUnavailable):
            await soon(layer.group_send("room", HELLO))
        await until(lambda: layer.statistics().link.alone)
        await layer.group_send("room", HELLO)


async def test_random_numbers_of_the_project(address, make_layer):
    """Looking for a hub takes nothing from the random numbers that a project may have seeded."""
    before = random.getstate()
    await soon(make_layer(address).group_send("room", HELLO))
    assert random.getstate() == before


async def test_hub_that_was_there(hub, make_layer):
    """A hub that was there is waited for up to the timeout; then the process is alone."""
    layer = make_layer(hub.address, timeout=1.5)
    await layer.group_send("room", HELLO)
    hub.kill()
    started = time.monotonic()
    await until(lambda: layer.statistics().link.alone)
    assert time.monotonic() - started >= 1.5
    await layer.group_send("room", HELLO)
    assert layer.statistics().link.sent_alone == 1
    hub.start()


async def test_hub_out_of_reach(address, make_layer, monkeypatch):
    """A server that runs where this process can't reach it is an error at once, that says so."""
    elsewhere = Absence("another user's server serves", "run this as www-data", is_elsewhere=True)
    monkeypatch.setattr(link, "explain_absence", lambda address: elsewhere)
    monkeypatch.setattr(grpc_transport, "explain_absence", lambda address: elsewhere)
    layer = make_layer(address)
    channel = None
    for _ in range(2):
        for call in (
            layer.group_send("room", HELLO),
            layer.new_channel(),
            layer.send("a!b", HELLO),
        ):
            with pytest.raises(
                TransportUnavailable, match="another user's .*: run this as www-data"
            ):
                channel = await soon(call)
    assert channel is None
    monkeypatch.undo()
    async with serving(address):
        await until(lambda: layer.statistics().link.connected)
        await soon(layer.new_channel())
        await soon(layer.group_send("room", HELLO))


async def test_full_without_reach(address, make_layer, monkeypatch):
    """Where a server can't be reached, neither do those wait for whom there was no room yet."""
    monkeypatch.setattr(client, "MAX_REQUESTS", 1)
    elsewhere = Absence("another user's server serves", is_elsewhere=True)
    monkeypatch.setattr(link, "explain_absence", lambda address: elsewhere)
    layer = make_layer(address)
    calls = [layer.group_send("room", HELLO) for _ in range(3)]
    results = await soon(asyncio.gather(*calls, return_exceptions=True))
    assert [type(result) for result in results] == [TransportUnavailable] * 3
    await soon(layer.close())


async def test_subscriptions_without_reach():
    """What nobody waits for to be subscribed is so once there is a hub, as if it had been asked."""
    process, sender = Process(), Process()
    request = process.client.subscribe("g:room")
    waited_for = request.answer
    process.client.fail_all(TransportUnavailable("unix:/groups.sock", "nobody", ""))
    with pytest.raises(TransportUnavailable):
        await waited_for
    exchange = Exchange(is_first=True)
    for each in (process, sender):
        each.connect(exchange)
    exchange_all(process, sender)
    assert await soon(request.answer)
    sender.publish("g:room", b"hello")
    exchange_all(process, sender)
    assert process.received == [b"hello"]


async def test_servers_of_other_places(address, make_layer, monkeypatch, caplog):
    """The warning that a process is alone names the servers that may be meant."""
    others = Absence("this process belongs to /srv/a, and servers run for /srv/b", "go there")
    monkeypatch.setattr(grpc_transport, "explain_absence", lambda address: others)
    await soon(make_layer(address).group_send("room", HELLO))
    assert f"there is no groups hub at {address} ({others.reason}): what" in caplog.text
    assert "reaches only its own members, until there is one: go there" in caplog.text


async def test_refused_tcp(make_layer):
    """On TCP a refused connection says that there is no hub."""
    address = f"127.0.0.1:{unused_port()}"
    layer = make_layer(address, allow_unprotected_tcp=True)
    await soon(layer.group_send("room", HELLO))
    assert layer.statistics().link.alone


async def test_refused_at_several_addresses(monkeypatch):
    """A name such as localhost stands for several addresses: nobody listens at any of them."""
    port = unused_port()
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
        for host in ("127.0.0.1", "127.0.0.2")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: found)
    assert await hub_absence.is_absent(Address.parse(f"localhost:{port}"))
    with socket.create_server(("127.0.0.2", port)):
        assert not await hub_absence.is_absent(Address.parse(f"localhost:{port}"))


async def test_refused_elsewhere(monkeypatch):
    """Another machine that refuses may be about to start a hub, for members that wait."""
    refused = asyncio.Future()
    refused.set_result(True)
    monkeypatch.setattr(hub_absence, "_is_refused", lambda host, port: refused)
    assert not await hub_absence.is_absent(Address.parse("192.0.2.1:8765"))
    assert await hub_absence.is_absent(Address.parse("127.0.0.1:8765"))


async def test_unknown_host(make_layer):
    """A name that isn't found says nothing of the hub: that is an error."""
    layer = make_layer("groups.invalid:8765", allow_unprotected_tcp=True, timeout=1)
    with pytest.raises(TransportUnavailable):
        await layer.group_send("room", HELLO)
