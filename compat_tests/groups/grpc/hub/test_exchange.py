"""What the hub's exchange does for a batch: what is due, and nothing for everybody."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.hub.session import Session
from compat_tests.groups.following_processes import FollowingProcess
from compat_tests.groups.presence.present_processes import TERMS, PresentProcess
from compat_tests.groups.sessions import Clock, Process, exchange_all


@contextlib.contextmanager
def counting() -> Iterator[tuple[list[str], set[Session]]]:
    """Which of the package's functions are called meanwhile, and of which sessions."""
    calls: list[str] = []
    sessions: set[Session] = set()

    def note(frame: Any, event: str, argument: object) -> None:
        if event == "call" and frame.f_globals["__name__"].startswith("channels_bridge."):
            calls.append(frame.f_code.co_name)
            if isinstance(session := frame.f_locals.get("self"), Session):
                sessions.add(session)

    sys.setprofile(note)
    try:
        yield calls, sessions
    finally:
        sys.setprofile(None)


class Busy:
    """Three processes at a hub with many others that listen and say nothing."""

    def __init__(self, idle: int) -> None:
        self.hub = Exchange(is_first=True)
        self.sender, self.receiver, self.silent = (self.join("g:own") for _ in range(3))
        self.receiver.client.subscribe("g:room")
        self.settle()
        for _ in range(idle):
            self.join("g:elsewhere")
        self.settle()

    def join(self, topic: str) -> Process:
        process = Process()
        process.client.subscribe(topic)
        process.connect(self.hub)
        return process

    def settle(self) -> None:
        exchange_all(self.sender, self.receiver, self.silent)


def publish(busy: Busy) -> None:
    assert busy.sender.publish("g:room", b"hello") is not None
    exchange_all(busy.sender, busy.receiver)
    assert busy.receiver.received == [b"hello"]


def subscribe(busy: Busy) -> None:
    request = busy.sender.client.subscribe("g:another")
    exchange_all(busy.sender)
    assert request.answer.done()


def unsubscribe(busy: Busy) -> None:
    busy.receiver.client.unsubscribe("g:room")
    exchange_all(busy.receiver)


def break_silence(busy: Busy) -> None:
    for _ in range(2):
        kept = busy.silent.publish("g:quiet", b"") is None
        busy.settle()
    assert kept
    request = busy.sender.client.subscribe("g:quiet")
    exchange_all(busy.sender, busy.silent)
    assert request.answer.done()


@pytest.mark.parametrize("act", [publish, subscribe, unsubscribe, break_silence])
async def test_others_cost_nothing(act: Any) -> None:
    """What a process asks of the hub is as much work for it beside 200 idle processes as alone."""
    few, many = Busy(idle=0), Busy(idle=200)
    with counting() as (calls, _):
        act(few)
    with counting() as (calls_among_many, sessions):
        act(many)
    assert calls_among_many == calls
    assert 1 <= len(sessions) <= 3


class Following:
    """Two processes that follow a topic at a hub with many others that follow another one."""

    def __init__(self, idle: int) -> None:
        self.hub = Exchange(is_first=True)
        self.sender, self.receiver = (self.join("g:room") for _ in range(2))
        for _ in range(idle):
            self.join("g:elsewhere")
        exchange_all(self.sender, self.receiver)

    def join(self, topic: str) -> FollowingProcess:
        process = FollowingProcess()
        process.connect(self.hub)
        process.client.follow(topic)
        exchange_all(process)
        return process


def append(busy: Following) -> None:
    for kept in (True, False):
        busy.sender.append(b"hello", kept=kept)
    exchange_all(busy.sender, busy.receiver)
    assert busy.sender.told == busy.receiver.told == [b"hello"] * 2


def follow(busy: Following) -> None:
    request = busy.sender.client.follow("g:another")
    exchange_all(busy.sender)
    assert request.answer.result()


class Present:
    """Two processes that watch who is in a group, at a hub with many others in another one."""

    def __init__(self, idle: int) -> None:
        self.hub = Exchange(is_first=True)
        self.processes = [PresentProcess(Clock()) for _ in range(2)]
        for process in self.processes:
            process.connect(self.hub)
        for _ in range(idle):
            other = PresentProcess(Clock())
            other.client.unwatch("g:room")
            other.client.unsubscribe("g:room")
            other.client.subscribe("g:elsewhere")
            other.client.watch("g:elsewhere", TERMS)
            other.client.present("g:elsewhere", "ann", b"", TERMS)
            other.connect(self.hub)
            exchange_all(other)
        exchange_all(*self.processes)


def enter_and_leave(busy: Present) -> None:
    first, second = busy.processes
    first.enter("ann")
    exchange_all(first, second)
    first.leave("ann")
    exchange_all(first, second)
    assert not first.client._unconfirmed


@pytest.mark.parametrize(
    ("make", "act"),
    [(Following, append), (Following, follow), (Present, enter_and_leave)],
)
async def test_others_cost_nothing_with_history(make: Any, act: Any) -> None:
    """Nor do they where groups have history, or say who is in them."""
    act(make(idle=0))  # caches are filled
    few, many = make(idle=0), make(idle=50)
    with counting() as (calls, _):
        act(few)
    with counting() as (calls_among_many, sessions):
        act(many)
    assert calls_among_many == calls
    assert 1 <= len(sessions) <= 2


async def test_roster_follows_each_process() -> None:
    """The hub tells its successor's roster whenever a process begins or ends to receive."""
    rosters: list[set[bytes]] = []
    hub = Exchange(is_first=True, on_roster=lambda roster: rosters.append(set(roster)))
    first, second = Process(), Process()
    for process in (first, second):
        process.connect(hub)
    assert rosters == []
    first.client.subscribe("g:room")
    first.write()
    pull = second.client.pull("work")
    second.write()
    first.client.unsubscribe("g:room")
    first.write()
    second.client.withdraw(pull)
    second.write()
    ids = [first.client.id, second.client.id]
    assert rosters == [{ids[0]}, set(ids), {ids[1]}, set()]


@pytest.mark.parametrize("way", ["deliveries", "pulls"])
async def test_who_is_overrun_is_cut_off(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that leaves too much unhandled, or asks for too much, is cut off at once."""
    monkeypatch.setattr("channels_bridge.groups.grpc.hub.session.MAX_PENDING", 10)
    hub = Exchange(is_first=True)
    sender, receiver = Process(), Process()
    for process in (sender, receiver):
        process.connect(hub)
    receiver.client.subscribe("g:room")
    exchange_all(sender, receiver)
    for number in range(11):
        assert receiver.is_connected
        if way == "pulls":
            receiver.client.pull(f"queue {number}")
            receiver.write()
        else:
            sender.publish("g:room", b"")
            sender.write()
    assert not receiver.is_connected
    assert hub.processes == {sender.client.id}
