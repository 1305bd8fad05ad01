"""Presence over a hub: who is there survives streams, hubs and processes, and nobody flaps."""

from __future__ import annotations

import os

import pytest

from channels_bridge.groups.grpc import frame_codec, roll_codec
from channels_bridge.groups.grpc.hub import exchange as exchange_module
from channels_bridge.groups.grpc.hub import roll_call
from channels_bridge.groups.presence.attendance import Attendance
from channels_bridge.groups.presence.roll import Here, RollChange, Terms
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.presence.present_processes import (
    KEYS,
    LINGER,
    TOPIC,
    HubWorld,
    PresentProcess,
)
from compat_tests.groups.sessions import Clock, set_clock

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))

JOIN, LEFT = "presence.join", "presence.left"


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of everybody."""
    return set_clock(monkeypatch)


@pytest.fixture
async def world(clock: Clock) -> HubWorld:
    """A hub and two processes."""
    return HubWorld(clock)


async def test_a_user_comes_and_goes(world: HubWorld) -> None:
    """All who watch are told, and the queue once of each."""
    first, second = world.processes
    first.enter("ann")
    world.pass_time(2)
    assert second.watcher.told == {"ann"}
    assert second.watcher.replica.here(world.clock.now)["ann"].info == "ann"
    first.leave("ann")
    world.pass_time(LINGER - 1)
    assert second.watcher.told == {"ann"}
    world.pass_time(3)
    assert second.watcher.told == set()
    world.take_news()
    assert world.news == [(JOIN, "ann"), (LEFT, "ann")]


async def test_a_user_moves(world: HubWorld) -> None:
    """From one process to another, as at a reload: nobody sees anything."""
    first, second = world.processes
    first.enter("ann")
    world.pass_time(2)
    first.leave("ann")
    world.pass_time(5)
    second.enter("ann")
    world.check()
    assert world.news == [(JOIN, "ann")]
    assert not any(change.gone for change in second.watcher.changes)


async def test_a_process_is_killed(world: HubWorld) -> None:
    """Its users have the same time to come back; then they are gone."""
    first, second = world.processes
    first.enter("ann")
    first.enter("bob")
    world.pass_time(2)
    world.kill(first)
    world.pass_time(5)
    second.enter("bob")
    world.check()
    assert second.watcher.told == {"bob"}
    assert world.news == [(JOIN, "ann"), (JOIN, "bob"), (LEFT, "ann")]


async def test_the_hub_is_replaced(world: HubWorld) -> None:
    """Nobody comes or goes because of that."""
    first, second = world.processes
    first.enter("ann")
    second.enter("bob")
    world.pass_time(2)
    changes = len(first.watcher.changes)
    world.replace_hub()
    world.pass_time(1, together=False)
    second.connect(world.hub)
    world.pass_time(3, together=False)
    first.connect(world.hub)
    world.check()
    assert len(first.watcher.changes) == changes
    assert first.watcher.told == {"ann", "bob"}
    assert world.news == [(JOIN, "ann"), (JOIN, "bob")]


async def test_the_hub_and_a_process_are_killed(world: HubWorld) -> None:
    """Whom the others had seen has the linger to come, and then goes, and that is told."""
    first, second = world.processes
    first.enter("ann")
    first.enter("bob")
    world.pass_time(2)
    world.replace_hub()
    world.kill(first)
    world.pass_time(exchange_module.PATIENCE + 2)  # it is waited for as if it were stopped
    world.check()
    assert second.watcher.told == set()
    assert world.news == [(JOIN, "ann"), (JOIN, "bob"), (LEFT, "ann"), (LEFT, "bob")]


async def test_what_happens_while_there_is_no_hub(world: HubWorld) -> None:
    """It is told once there is one: who has come is news, and who has gone."""
    first, second = world.processes
    first.enter("ann")
    world.pass_time(2)
    world.replace_hub()
    first.enter("bob")
    first.leave("ann")
    world.check()
    assert second.watcher.told == {"bob"}
    assert world.news == [(JOIN, "ann"), (JOIN, "bob"), (LEFT, "ann")]


async def test_an_unheard_word(world: HubWorld) -> None:
    """What was on its way when a stream broke is said again on the next one."""
    first, second = world.processes
    first.enter("ann")
    world.pass_time(2)
    first.lose()
    first.leave("ann")
    first.enter("bob")
    world.check()
    assert second.watcher.told == {"bob"}
    assert sorted(world.news) == [(JOIN, "ann"), (JOIN, "bob"), (LEFT, "ann")]


async def test_more_than_hello_has_room_for(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest follows, and is no news either."""
    monkeypatch.setattr("channels_bridge.groups.grpc.process.presence_client.MAX_HELLO", 200)
    first, second = world.processes
    for key in KEYS:
        first.enter(key)
    world.pass_time(2)
    changes = len(second.watcher.changes)
    world.replace_hub()
    world.check()
    assert second.watcher.told == set(KEYS)
    assert len(second.watcher.changes) == changes
    assert len(world.news) == len(KEYS)


async def test_asking_without_watching(world: HubWorld) -> None:
    """Who is there, in parts where they are many, and how many."""
    first, second = world.processes
    first.enter("ann")
    second.enter("ann")
    world.pass_time(1)
    roll = second.client.ask_roll(TOPIC, is_count=False)
    count = second.client.ask_roll(TOPIC, is_count=True)
    world.talk()
    assert roll.answer.result().came["ann"].connections == 2
    assert count.answer.result().count == 1
    second.client.end_asking(roll)
    second.client.end_asking(count)
    assert not second.client._askings and not second.client._roll_parts


async def test_a_question_survives_its_stream(world: HubWorld) -> None:
    """It is asked again on the next one; a new hub answers once all are back."""
    first, second = world.processes
    first.enter("ann")
    world.pass_time(2)
    world.replace_hub()
    asking = second.client.ask_roll(TOPIC, is_count=False)
    second.connect(world.hub)
    world.talk()
    assert not asking.answer.done()
    world.pass_time(1)
    assert set(asking.answer.result().came) == {"ann"}


def test_long_rolls_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other frames can go between them; joined they are what was split."""
    monkeypatch.setattr(roll_codec, "MAX_PART", 100)
    came = {str(number): Here(b"x" * 10, 1.5, 1) for number in range(50)}
    change = RollChange(3, True, came, ["a", "b"], 50)
    parts = list(roll_codec.split(TOPIC, change))
    assert len(parts) > 5
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]
    assert roll_codec.join(parts) == change


async def test_a_hub_without_room(
    world: HubWorld, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is one too many isn't listed, which the log says, and how to have fewer."""
    monkeypatch.setattr(world.hub.rolls.attendance, "_max_keys", 2)
    first, second = world.processes
    for key in KEYS:
        first.enter(key)
    world.pass_time(2)
    assert second.watcher.told == {"a", "b"}
    (line,) = [line for line in caplog.messages if "listed as present" in line]
    assert "list fewer groups in `presence`" in line


async def test_a_full_queue_is_said(world: HubWorld, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody takes the news: they are dropped as other messages, and the log says so."""
    (first, _) = world.processes
    terms = Terms(linger=0, limit=0, queue="presence", capacity=1, expiry=60)
    for key in KEYS:
        first.client.present(TOPIC, key, b"", terms)
    world.pass_time(1)
    assert "presence, which is full: run more workers" in caplog.text


async def test_a_hub_of_an_earlier_release(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """It is never told what it doesn't know; one line says what to do."""
    process = PresentProcess(clock)
    process.enter("ann")
    process.client.connected().take_nowait()
    process.client.receive(frame_codec.encode(wire.Welcome(epoch=b"old", features=["history"])))
    process.enter("bob")
    process.leave("ann")
    assert process.client.outbox is not None
    assert process.client.outbox.take_nowait() == b""
    (line,) = [line for line in caplog.messages if "who is present" in line]
    assert "until it is restarted" in line
    assert not process.client.knows_presence


async def test_a_hub_that_does_not_keep_up(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often users come and go meanwhile, little waits; all is said in the end."""
    monkeypatch.setattr("channels_bridge.groups.grpc.process.presence_client.MAX_UNCONFIRMED", 3)
    first, second = world.processes
    for _ in range(100):
        for key in KEYS:
            first.enter(key)
            first.leave(key)
    for key in KEYS[:4]:
        first.enter(key)
    assert first.client.outbox is not None
    assert len(first.client.outbox) == 3
    world.check()
    assert second.watcher.told == set(KEYS[:4])
    assert not first.client._unsaid and not first.client._unconfirmed


async def test_a_process_that_does_not_read(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Little waits for it, and once it reads it is told who is there."""
    monkeypatch.setattr(roll_call, "MAX_WAITING", 3)
    first, second = world.processes
    _, outbox = second.stream
    for number in range(200):
        first.enter(f"user{number}")
        first.leave(f"user{number}")
        for _ in range(4):
            first.write()
            world.clock.now += 0.25
            world.hub.tick()
            first.read()
    assert len(outbox) < 10
    first.enter("ann")
    world.check()
    assert second.watcher.told == {"ann"}
    assert not world.hub.rolls._behind


async def test_nothing_is_left(world: HubWorld) -> None:
    """Of processes that have ended."""
    for process in list(world.processes):
        process.enter("ann")
        world.pass_time(1)
        world.kill(process)
    world.pass_time(30)
    rolls = world.hub.rolls
    assert not rolls.attendance.keys and not rolls._moved and not rolls._held
    assert not rolls._behind
    assert rolls.attendance.is_idle


def live_in(clock: Clock, seed: int, *, hubs: bool, away: float = 2.0) -> None:
    """Let anything happen, and see that all know the truth afterwards."""
    world = HubWorld(clock, seed, processes=3, away=away)
    chance = world.random
    try:
        for _ in range(60):
            process = chance.choice(world.processes)
            key = chance.choice(KEYS)
            (process.leave if key in process.users else process.enter)(key)
            fate = chance.random()
            if fate < 0.1:
                process.lose()
            elif fate < 0.15 and len(world.processes) > 1:
                world.kill(process)
                world.processes.append(PresentProcess(clock))
            elif fate < 0.2 and hubs:
                world.replace_hub()
            world.pass_time(chance.choice([0, 0, 0.25, 0.5, 2, 12]), together=fate > 0.3)
        world.check()
        if not hubs:
            check_news(world)
    except Exception as error:
        raise AssertionError(f"seed {seed}, hubs {hubs}, away {away}: {error!r}") from error


def check_news(world: HubWorld) -> None:
    """Each key comes and goes in turn, and is in the end what it is."""
    for key in KEYS:
        types = [kind for kind, who in world.news if who == key]
        assert types == [JOIN, LEFT] * (len(types) // 2) + [JOIN] * (len(types) % 2)
        assert len(types) % 2 == (key in world.truth)


@pytest.mark.parametrize("hubs", [False, True])
async def test_worlds(clock: Clock, hubs: bool) -> None:
    """Whatever becomes of processes, streams and hubs: I6, presence is the truth after a while."""
    for seed in range(EXAMPLES):
        live_in(clock, seed, hubs=hubs)


async def test_worlds_of_long_absences(clock: Clock) -> None:
    """Processes that were given up, and come back: the truth is known again."""
    for seed in range(EXAMPLES):
        live_in(clock, seed, hubs=True, away=20.0)


def forget_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new hub lists only who is said to be there."""
    monkeypatch.setattr(Attendance, "expect", lambda *arguments: None)


def forget_who_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that comes back isn't asked who has gone meanwhile."""
    monkeypatch.setattr(Attendance, "keep_only", lambda *arguments: None)


@pytest.mark.parametrize("mutate", [forget_expected, forget_who_left])
async def test_the_worlds_find_faults(
    mutate: object, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these would be seen."""
    assert callable(mutate)
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(10 * EXAMPLES):
            live_in(clock, seed, hubs=True)
