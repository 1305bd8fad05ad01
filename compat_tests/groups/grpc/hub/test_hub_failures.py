"""The hub is killed, replaced, missing or overrun; processes are killed or stop reading."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator

import grpc.aio
import pytest

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.hub import exchange
from channels_bridge.groups.grpc.process import client
from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.grpc.stream import METHOD, SERVICE
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from channels_bridge.layers import GrpcChannelLayer
from compat_tests.groups.hubs import (
    DEADLINE,
    ENVIRONMENT,
    ROOT,
    HubProcess,
    refusal,
    serving,
    soon,
    until,
)
from compat_tests.groups.transport_peer import Peer


@pytest.fixture
async def connect(address: str) -> AsyncIterator[Callable[..., Peer]]:
    """Makes peers at ``address``."""
    peers = []

    def connect(timeout: float = DEADLINE) -> Peer:
        peers.append(Peer(GrpcTransport(address, timeout=timeout)))
        return peers[-1]

    yield connect
    for peer in peers:
        await peer.transport.aclose()


async def test_killed_hub(hub, connect):
    """What is sent while the hub is killed and started again arrives once, in order."""
    sender, one, two = connect(), connect(), connect()
    await one.transport.subscribe("g:room")
    await two.transport.subscribe("g:room")
    payloads = [b"%d" % number for number in range(3000)]
    for number, payload in enumerate(payloads):
        await sender.transport.publish("g:room", payload)
        if number % 1000 == 500:
            await until(lambda: bool(one.received))
            hub.kill()
        if number % 1000 == 600:
            hub.start()
        if number % 10 == 0:
            await asyncio.sleep(0)
    await one.has_received(*payloads)
    await two.has_received(*payloads)


async def test_killed_hub_restores_memberships(hub, make_grpc_layer):
    """Members, and bound channels, are members still after the hub was killed and started again."""
    one, two, sender = make_grpc_layer(), make_grpc_layer(), make_grpc_layer()
    channels = {layer: await layer.new_channel() for layer in (one, two)}
    for layer, channel in channels.items():
        await layer.group_add("room", channel)
    await one.group_add("room", "worker")
    hub.kill()
    hub.start()
    await sender.group_send("room", {"type": "hello"})
    for layer, channel in channels.items():
        assert await soon(layer.receive(channel)) == {"type": "hello"}
    assert await soon(sender.receive("worker")) == {"type": "hello"}


async def test_new_process_after_killed_hub(hub, make_grpc_layer):
    """A process that comes first to a restarted hub reaches the members of those who come later."""
    member = make_grpc_layer()
    channel = await member.new_channel()
    await member.group_add("room", channel)
    hub.kill()
    hub.start()
    newcomer = make_grpc_layer()
    await newcomer.group_send("room", {"type": "hello"})
    assert await soon(member.receive(channel)) == {"type": "hello"}


async def test_waiting_pull_survives(hub, connect):
    """Who waits for a message of a named channel goes on waiting at the next hub."""
    receiver, sender = connect(), connect()
    pull = asyncio.create_task(receiver.transport.pull("work"))
    await receiver.transport.ask("g:nobody", b"")
    hub.kill()
    hub.start()
    await sender.transport.push("work", b"hello", capacity=1, expiry=60)
    assert await soon(pull) == b"hello"


async def test_standby(hub, connect):
    """A second hub at an address stands by, and takes over when the first one is killed.

    It says so; the first one has nothing to say but that it is there.
    """
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    standby = HubProcess(hub.address)
    assert "standing by" in standby.read_log() and not hub.read_log()
    try:
        await sender.transport.ask("g:room", b"1")
        hub.kill()
        await sender.transport.ask("g:room", b"2")
        await receiver.has_received(b"1", b"2")
        await until(lambda: "this one serves" in standby.read_log())
    finally:
        standby.close()


async def test_standby_stops(hub):
    """A hub that stands by ends when it is told to."""
    standby = HubProcess(hub.address)
    assert standby.stop() == 0
    standby.close()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_hub_stops(hub, address, stop):
    """A hub ends with exit code 0 and takes its socket with it."""
    assert hub.end(stop) == 0
    assert not os.path.exists(address.removeprefix("unix:"))


async def test_hub_stops_with_processes_connected(hub, connect):
    """A hub that ends while processes are connected has nothing to complain of."""
    peers = [connect() for _ in range(10)]
    for peer in peers:
        await peer.transport.subscribe("g:room")
    for _ in range(50):
        await peers[0].transport.publish("g:room", bytes(1000))
    assert await asyncio.to_thread(hub.stop) == 0
    assert hub.read_log() == ""
    await asyncio.to_thread(hub.start)  # for what is unanswered


def test_socket_is_private(hub, address):
    """Nobody else may connect to the hub's socket."""
    assert os.stat(address.removeprefix("unix:")).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("call", ["group_send", "group_add", "send", "send_named", "new_channel"])
async def test_no_hub(address, call):
    """Where a hub is required each call fails in time, and says where it looked, what to do."""
    layer = GrpcChannelLayer(address=address, timeout=0.2, require_hub=True)
    calls = {
        "group_send": lambda: layer.group_send("room", {}),
        "group_add": lambda: layer.group_add("room", "worker"),
        "send": lambda: layer.send("specific.other!channel", {}),
        "send_named": lambda: layer.send("worker", {}),
        "new_channel": layer.new_channel,
    }
    started = time.monotonic()
    with pytest.raises(TransportUnavailable) as caught:
        await calls[call]()
    assert time.monotonic() - started < 5
    assert address in str(caught.value)
    assert "websockets_hub" in str(caught.value)
    assert "CONFIG" in str(caught.value)


async def test_stopped_hub(hub, make_grpc_layer):
    """Calls fail in time while the hub is stopped, and all is well again once it goes on."""
    member, sender = make_grpc_layer(), make_grpc_layer()
    channel = await member.new_channel()
    await member.group_add("room", channel)
    hub.process.send_signal(signal.SIGSTOP)
    with pytest.raises(TransportUnavailable):
        await make_grpc_layer(timeout=0.2).group_send("room", {"type": "hello"})
    hub.process.send_signal(signal.SIGCONT)
    await sender.group_send("room", {"type": "hello"})
    assert await soon(member.receive(channel)) == {"type": "hello"}


async def test_hub_comes_later(address, connect):
    """A call that waits for the hub succeeds when the hub starts in time."""
    sender = connect(timeout=DEADLINE)
    publishing = asyncio.create_task(sender.transport.ask("g:room", b"hello"))
    await asyncio.sleep(0)
    hub = HubProcess(address)
    try:
        await soon(publishing)
        await sender.transport.aclose()
    finally:
        hub.close()


async def test_publishing_waits_while_too_much_is_queued(address, connect):
    """Without a hub publishing goes on until the queue is full, then fails after the timeout."""
    sender = connect(timeout=0.1)
    with pytest.raises(TransportUnavailable):
        for _ in range(10_000):
            await sender.transport.publish("g:room", b"")
    hub = HubProcess(address)
    try:
        await sender.transport.aclose()
    finally:
        hub.close()


async def test_turns_that_nobody_takes(hub, connect, monkeypatch):
    """Who has waited for room, and then has nothing to send, lets the next one go on."""
    monkeypatch.setattr(client, "MAX_REQUESTS", 1)
    sender = connect()
    # With the first answer it is known that nobody else listens, so that the others needn't send.
    await soon(asyncio.gather(*(sender.transport.publish("g:room", b"") for _ in range(10))))
    assert not sender.transport.is_full


async def test_turns_of_who_is_cancelled(hub, connect, monkeypatch):
    """Who doesn't wait any more, for an answer or for room, leaves room to others at once."""
    monkeypatch.setattr(client, "MAX_REQUESTS", 1)
    sender = connect(timeout=DEADLINE)
    hub.process.send_signal(signal.SIGSTOP)
    tasks = [asyncio.create_task(sender.transport.ask("g:room", b"")) for _ in range(3)]
    await until(lambda: len(sender.transport._waiting) == 2)
    tasks[0].cancel()
    for _ in range(100):
        if len(sender.transport._waiting) == 1:
            break
        await asyncio.sleep(0)
    tasks[1].cancel()  # it has its turn, and doesn't know yet
    await until(lambda: not sender.transport._waiting)
    hub.process.send_signal(signal.SIGCONT)
    await soon(tasks[2])
    assert tasks[0].cancelled() and tasks[1].cancelled()


@contextlib.contextmanager
def subscriber(address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that subscribed to a topic. This one does nothing meanwhile."""
    command = [sys.executable, "-m", "compat_tests.groups.actors"]
    with subprocess.Popen(
        [*command, "subscribe", json.dumps({"address": address}), "g:room"],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout.readline() == b"subscribed\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def receiver(hub: HubProcess) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that subscribed to a topic."""
    with subscriber(hub.address) as process:
        yield process


async def test_killed_receiver(receiver, connect):
    """A process that is killed doesn't keep its senders waiting."""
    sender = connect()
    await sender.transport.ask("g:room", b"1")
    receiver.kill()
    await soon(sender.transport.ask("g:room", b"2"))


async def test_sender_to_a_stopped_receiver(receiver, connect):
    """Who can't send because another process doesn't receive is told so: the hub is there."""
    sender = connect(timeout=0.2)
    await until(lambda: sender.transport.statistics().connected)
    receiver.send_signal(signal.SIGSTOP)
    with pytest.raises(TransportUnavailable) as caught:
        for _ in range(10_000):
            await sender.transport.publish("g:room", b"")
    assert "unanswered: 4096" in str(caught.value)
    assert "another process of the project is stuck" in str(caught.value)
    assert "CONFIG" not in str(caught.value)
    receiver.send_signal(signal.SIGCONT)


async def test_stopped_receiver(address, connect, monkeypatch, capfd):
    """A process that stays stopped is cut off, and keeps nobody from going on."""
    monkeypatch.setattr(exchange, "PATIENCE", 1)
    async with serving(address):
        with contextlib.ExitStack() as stack:
            receiver = await asyncio.to_thread(stack.enter_context, subscriber(address))
            receiver.send_signal(signal.SIGSTOP)
            sender, other = connect(), connect()
            await other.transport.subscribe("g:room")
            payloads = [b"%d" % number + bytes(10_000) for number in range(6000)]
            for payload in payloads:
                await sender.transport.publish("g:room", payload)
            await sender.transport.ask("g:room", b"last")
            await other.has_received(*payloads, b"last")
            # Back again, it goes on with what comes then.
            receiver.send_signal(signal.SIGCONT)
            await soon(_reaches(sender, receiver))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("end", [None, signal.SIGKILL, signal.SIGTERM], ids=str)
async def test_busy_sender(hub, connect, end):
    """What a process sends as soon as another has subscribed arrives, however busy it was.

    It had no reason to send anything before, and had no time to hear of the other process, nor of
    the hub's end.
    """
    sender = connect()
    for _ in range(3):
        await sender.transport.ask("g:room", b"say so")
    if end is not None:
        hub.end(end)
        hub.start()
    with subscriber(hub.address) as receiver:
        await soon(sender.transport.ask("g:room", b"say so"))
        assert receiver.stdout.readline() == b"asked\n"


@pytest.mark.parametrize("step", ["before", "asked", "answered"])
async def test_hub_killed_while_subscribing(hub, connect, step):
    """Wherever the hub is killed, a subscriber gets what is sent after it was told that it is one.

    The sender had found out that nobody listens.
    """
    sender, receiver = connect(), connect()
    for _ in range(3):
        await sender.transport.ask("g:room", b"too early")
    await receiver.transport.ask("g:other", b"")
    if step == "before":
        hub.kill()
    subscribing = asyncio.create_task(receiver.transport.subscribe("g:room"))
    await asyncio.sleep(0)
    if step == "asked":
        hub.kill()
    if step != "answered":
        hub.start()
    await soon(subscribing)
    publishing = asyncio.create_task(sender.transport.ask("g:room", b"hello"))
    if step == "answered":
        hub.kill()
        hub.start()
    await soon(publishing)
    assert receiver.payloads == [b"hello"]


async def test_fault_at_a_tick(address, monkeypatch, caplog):
    """What fails while the hub does what time has brought is logged; it goes on with the next."""
    tick, ticks = exchange.Exchange.tick, []

    def fail_first(self):
        ticks.append(self)
        if len(ticks) == 1:
            raise ValueError("a fault")
        tick(self)

    monkeypatch.setattr(exchange.Exchange, "tick", fail_first)
    async with serving(address):
        await until(lambda: len(ticks) > 1)
    (line,) = [record for record in caplog.records if record.exc_info]
    assert line.levelno == logging.ERROR and str(line.exc_info[1]) == "a fault"


async def test_bound_while_silent(hub, make_grpc_layer):
    """A named channel that joins a group gets what anybody sends then, who was silent before."""
    one, two = make_grpc_layer(), make_grpc_layer()
    for _ in range(3):
        await one.group_send("room", {"number": 0})
    await two.group_add("room", "worker")
    await one.group_send("room", {"number": 1})
    await two.group_send("room", {"number": 2})
    assert [(await soon(one.receive("worker")))["number"] for _ in range(2)] == [1, 2]


async def _reaches(sender, process):
    loop = asyncio.get_running_loop()
    line = loop.run_in_executor(None, process.stdout.readline)
    while not line.done():
        await sender.transport.ask("g:room", b"say so")
        await asyncio.sleep(0.05)
    assert line.result() == b"asked\n"


async def test_version_mismatch(hub, connect, monkeypatch, caplog):
    """A process that speaks another version of the protocol is refused, and told so."""
    monkeypatch.setattr(frame_codec, "VERSION", 99)
    sender = connect(timeout=2)
    with caplog.at_level(logging.CRITICAL):
        await refusal(sender.transport, "version 99")
    monkeypatch.undo()


async def test_garbage(hub, connect):
    """Who doesn't speak the protocol is disconnected; the hub goes on."""
    async with grpc.aio.insecure_channel(hub.address) as channel:
        for batch in (b"\xff\xff", frame_codec.encode(wire.Bye())):
            call = channel.stream_stream(f"/{SERVICE}/{METHOD}")()
            await call.write(batch)
            assert b"another protocol" in await soon(call.read())
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(hub.address.removeprefix("unix:"))
        stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
    await soon(connect().transport.ask("g:room", b"hello"))
