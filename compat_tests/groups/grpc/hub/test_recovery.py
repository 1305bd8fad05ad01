"""Whom the hub waits for, for how long, and who is told that it gave up."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.discovery import process_liveness
from channels_bridge.groups.grpc.hub import exchange
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.hub_lock import SocketPlace
from channels_bridge.groups.grpc.hub.recovery import NEWS, PATIENCE, RETURN
from channels_bridge.groups.grpc.hub.roster_keeper import RosterKeeper
from compat_tests.groups.hubs import until
from compat_tests.groups.sessions import Clock, Process, exchange_all


@pytest.fixture
async def hub(clock: Clock) -> Exchange:
    """A hub that is the first."""
    return Exchange(is_first=True)


@pytest.fixture
async def sender(hub: Exchange) -> Process:
    """A process."""
    return connected(hub)


@pytest.fixture
async def receiver(hub: Exchange) -> Process:
    """A process that subscribed to a topic."""
    process = connected(hub)
    subscribe(process)
    return process


def connected(hub: Exchange) -> Process:
    """A process that is connected to the hub."""
    process = Process()
    process.connect(hub)
    exchange_all(process)
    return process


def subscribe(process: Process) -> None:
    """Let a process subscribe to the topic, until the hub has confirmed it."""
    request = process.client.subscribe("g:room")
    exchange_all(process)
    assert request.answer.done()


def pass_time(clock: Clock, hub: Exchange, seconds: float) -> None:
    """Let time pass for a hub that isn't stopped."""
    for _ in range(round(seconds / 0.25)):
        clock.now += 0.25
        hub.tick()


async def test_stopped_hub_blames_nobody(hub, sender, receiver, clock):
    """A hub that was stopped under load goes on with everybody, and loses nothing."""
    request = sender.publish("g:room", b"hello")
    sender.write()
    clock.now += 10 * PATIENCE
    hub.tick()
    assert not request.answer.done()
    exchange_all(sender, receiver)
    assert request.answer.result()
    assert receiver.received == [b"hello"]


async def test_stopped_process_is_waited_for(hub, sender, receiver, clock):
    """A process that is stopped for ten seconds gets everything in the end."""
    request = sender.publish("g:room", b"hello")
    sender.write()
    pass_time(clock, hub, 10)
    exchange_all(sender)
    assert not request.answer.done()
    exchange_all(receiver, sender)
    assert request.answer.result()
    assert receiver.received == [b"hello"]


async def test_stopped_process_is_cut_off(hub, sender, receiver, clock, caplog):
    """One that is stopped for longer is given up: its senders go on, and both sides say so."""
    request = sender.publish("g:room", b"hello")
    sender.write()
    with caplog.at_level(logging.ERROR):
        pass_time(clock, hub, PATIENCE + 0.5)
    assert "is cut off from the others, and misses what is sent" in caplog.text
    exchange_all(sender)
    assert request.answer.result()
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        receiver.connect(hub)
        exchange_all(receiver)
    assert "its members have missed what was sent" in caplog.text
    assert receiver.client.statistics().missed == 1
    receiver.connect(hub)
    exchange_all(receiver)
    assert receiver.client.statistics().missed == 1


async def test_forgotten_sender_is_not_told_too_early(hub, sender, receiver, clock):
    """Who asks again after it was forgotten hears only of what has really arrived."""
    request = sender.publish("g:room", b"hello")
    sender.write()
    sender.lose()
    pass_time(clock, hub, exchange.GRACE + 0.5)
    sender.connect(hub)
    exchange_all(sender)
    assert not request.answer.done()
    exchange_all(receiver, sender)
    assert request.answer.result()
    assert receiver.received == [b"hello"]
    assert sender.received == []


async def test_old_stream_is_not_heard(hub, sender, receiver):
    """What was written on a stream that has been replaced confirms nothing on the new one."""
    request = sender.publish("g:room", b"hello")
    sender.write()
    receiver.read()
    late = receiver.client.outbox.take_nowait()
    old = receiver.stream
    receiver.connect(hub)
    hub.receive(*old, late)
    exchange_all(sender)
    assert not request.answer.done()
    exchange_all(receiver, sender)
    assert request.answer.done()
    assert receiver.received == [b"hello"]


@pytest.mark.parametrize("knows", [True, False], ids=["roster", "hearsay"])
async def test_new_hub_waits_for_receivers(hub, sender, receiver, clock, knows):
    """A new hub holds what is sent until those who were receiving are back."""
    exchange_all(sender)
    roster = {receiver.client.id: ""} if knows else None
    successor = Exchange(is_first=False, roster=roster)
    sender.connect(successor)
    request = sender.publish("g:room", b"hello")
    exchange_all(sender)
    pass_time(clock, successor, NEWS + 1)
    exchange_all(sender)
    assert not request.answer.done()
    receiver.connect(successor)
    exchange_all(receiver, sender)
    assert request.answer.result()
    assert receiver.received == [b"hello"]


async def test_nobody_told_the_new_hub(hub, receiver, clock):
    """Without a roster it waits for news, even if the first who comes knows of nobody."""
    successor = Exchange(is_first=False)
    newcomer = connected(successor)
    newcomer.publish("g:room", b"hello")
    exchange_all(newcomer)
    receiver.connect(successor)
    exchange_all(receiver)
    pass_time(clock, successor, NEWS)
    exchange_all(receiver)
    assert receiver.received == [b"hello"]


async def test_new_hub_gives_up(hub, sender, receiver, clock):
    """It doesn't wait for ever; who comes later is told that it has missed something."""
    successor = Exchange(is_first=False, roster={receiver.client.id: ""})
    sender.connect(successor)
    request = sender.publish("g:room", b"hello")
    exchange_all(sender)
    pass_time(clock, successor, RETURN)
    exchange_all(sender)
    assert request.answer.result()
    receiver.connect(successor)
    exchange_all(receiver)
    assert receiver.client.statistics().missed == 1


async def test_new_hub_looks_for_receivers(hub, sender, clock):
    """It waits longer for a process that exists, and not at all for one that has ended."""
    living, dead = process_liveness.own_presence(), ended_presence()
    held = Exchange(is_first=False, roster={b"living": living})
    free = Exchange(is_first=False, roster={b"dead": dead})
    for successor, holds in ((held, True), (free, False)):
        sender.connect(successor)
        request = sender.publish("g:room", b"hello")
        exchange_all(sender)
        assert request.answer.done() != holds
    pass_time(clock, held, RETURN + 1)
    assert held.is_holding
    pass_time(clock, held, PATIENCE)
    assert not held.is_holding


async def test_roster(clock):
    """The hub tells who is receiving, before it confirms that anything is in force."""
    rosters = []
    hub = Exchange(is_first=True, on_roster=lambda roster: rosters.append(dict(roster)))
    process = connected(hub)
    assert rosters == []
    process.client.subscribe("g:room")
    process.write()
    assert rosters == [{process.client.id: process_liveness.own_presence()}]
    process.client.unsubscribe("g:room")
    process.write()
    assert rosters[1:] == [{}]


# Presence.


def ended_presence() -> str:
    """The presence of a process that has ended."""
    code = (
        "from channels_bridge.groups.discovery.process_liveness import own_presence;"
        "print(own_presence())"
    )
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def test_presence():
    """A process that exists isn't gone, and one that has ended is."""
    assert not process_liveness.is_gone(process_liveness.own_presence())
    assert process_liveness.is_gone(ended_presence())


@pytest.fixture
def killed() -> Iterator[str]:
    """The presence of a process that has been killed, and that nobody has waited for."""
    code = (
        "from channels_bridge.groups.discovery.process_liveness import own_presence;"
        "print(own_presence(), flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        found = process.stdout.readline().strip()
        assert not process_liveness.is_gone(found)
        process.kill()
        yield found


async def test_zombie_is_gone(killed):
    """A process that was killed is gone before its parent has noticed."""
    await until(lambda: process_liveness.is_gone(killed))


@pytest.mark.parametrize(
    "unknown", ["", "nonsense", "pid:[1] 1 1", "pid:[1] x y", "pid:[4026531836]", "] 1 1"]
)
def test_unknown_presence(unknown):
    """Of a process of another namespace, or of nonsense, nobody knows that it has ended."""
    assert not process_liveness.is_gone(unknown)


def test_reused_pid():
    """A later process of the same number is another one."""
    namespace_and_pid, _, start = process_liveness.own_presence().rpartition(" ")
    assert process_liveness.is_gone(f"{namespace_and_pid} {int(start) - 1}")


# The file.


def test_roster_file(socket_dir):
    """What a hub leaves is what the next one finds."""
    place = SocketPlace(socket_dir / "groups.sock")
    assert place.read_roster() is None
    for roster in ({}, {b"\x00\xff": "pid:[1] 2 3", b"other": ""}):
        place.write_roster(roster)
        assert place.read_roster() == roster
    assert (socket_dir / "groups.sock.roster").stat().st_mode & 0o777 == 0o600
    place.clear(leaves_processes=True)
    assert place.read_roster() == roster
    place.clear(leaves_processes=False)
    assert place.read_roster() is None
    place.close()


def test_roster_that_cannot_be_written(socket_dir, caplog):
    """Where there is no room, the next hub does not believe what was written before.

    Once there is room, it is told of those that are receiving now.
    """
    blocker = socket_dir / "groups.sock.roster.new"
    place = SocketPlace(socket_dir / "groups.sock")
    assert place.is_unused
    keeper = RosterKeeper(place)
    keeper.keep({b"gone": ""})
    blocker.mkdir()
    for _ in range(2):
        keeper.keep({b"here": ""})
        assert place.read_roster() is None
        assert not place.is_unused
    assert caplog.text.count("the next groups hub won't know whom to wait for") == 1
    with pytest.raises(OSError):
        keeper.retry()
    blocker.rmdir()
    keeper.retry()
    assert place.read_roster() == {b"here": ""}
    place.clear(leaves_processes=False)
    assert place.is_unused
    keeper.retry()
    assert place.is_unused
    place.close()


@pytest.mark.parametrize(
    "content", ["", "nonsense", "{}x", "[[1, 2]]", '["x"]', '[["x", ""]]', "1"]
)
def test_bad_roster_file(socket_dir, content):
    """A file that no hub has written isn't taken for one."""
    (socket_dir / "groups.sock.roster").write_text(content)
    place = SocketPlace(socket_dir / "groups.sock")
    with pytest.raises(HubAddressError, match="roster can't be read .*: remove it"):
        place.read_roster()
    place.close()
