"""The hub's stream: garbage, and valid frames where nobody would send them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels_bridge.groups.discovery.process_liveness import is_gone
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.hub.exchange import GRACE, Exchange
from channels_bridge.groups.grpc.outbox import Outbox
from channels_bridge.groups.grpc.process.client import Client
from channels_bridge.groups.grpc.process.history_client import HistoryClient, Reading
from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.fuzz.envelopes import batches, hellos
from compat_tests.fuzz.profile import PROFILE
from compat_tests.groups.following_processes import FollowingProcess
from compat_tests.groups.sessions import Process, exchange_all, set_clock

HOSTILE = b"hostile"
ACTIONS = st.lists(
    st.one_of(
        batches(),
        hellos(HOSTILE),
        st.floats(0, 2).map(lambda seconds: round(seconds, 2)),
        st.just("lose"),
    ),
    max_size=12,
)


@pytest.fixture
def clock(monkeypatch):
    """The time, for all that counts it."""
    return set_clock(monkeypatch)


class Hostile:
    """A process that says anything."""

    def __init__(self, hub, clock):
        self._hub, self._clock = hub, clock
        self._session = self._outbox = None
        self._written = 0

    def do(self, action):
        """Join, let time pass, lose the stream, or write bytes: whatever the action is."""
        if isinstance(action, wire.Hello):
            self._outbox = Outbox()
            self._session = self._hub.join(action, self._outbox)
        elif isinstance(action, float):
            self._clock.now += action
            self._hub.tick()
        elif action == "lose":
            self.lose()
        elif self._session is not None:
            self._written += len(action)
            self._hub.receive(self._session, self._outbox, action)

    def lose(self):
        if self._session is not None:
            self._hub.lost(self._session, self._outbox)


#: The frames by which a hub tells of logs.
OF_LOGS = ("delivery", "deliveries", "log", "sequenced", "settled")

#: Nothing may come of what is said after it.
GOODBYE = frame_codec.encode(wire.Bye())
HELLO = wire.Hello(version=frame_codec.VERSION, process=HOSTILE)
CALLER = wire.Hello(version=frame_codec.VERSION, process=HOSTILE, only_publishes=True)
APPEND = frame_codec.encode(
    wire.Publish(seq=3, topic="g:room", history=wire.History(seconds=float("nan")))
)
APPENDS = frame_codec.encode(
    wire.Appends(
        seq=4,
        targets=[wire.Target(topic="g:room"), wire.Target()],
        places=[0, 1, 0],
        payloads=[b"", b"x", b""],
    )
)
BEYOND = frame_codec.encode(wire.Appends(seq=2**64 - 1, places=[3, 0], payloads=[b"", b""]))
FOLLOW = frame_codec.encode(
    wire.Follow(seq=3, topic="g:room", after=wire.Position(offset=2**64 - 1))
)
PRESENT = frame_codec.encode(
    wire.Present(seq=3, topic="g:room", key="x", info=b"{", linger=float("nan"), queue="work")
)
WATCH = frame_codec.encode(wire.Watch(seq=4, topic="g:room"))
ABSENT = frame_codec.encode(wire.Absent(seq=5, topic="g:room", key="x"))
SUBSCRIBE = frame_codec.encode(wire.Subscribe(seq=1, topic="g:room"))


@PROFILE
@given(ACTIONS)
@example([HELLO, GOODBYE + GOODBYE])
@example([HELLO, GOODBYE + SUBSCRIBE])
@example([HELLO, APPEND + FOLLOW + APPEND, HELLO])
@example([HELLO, APPENDS + BEYOND + FOLLOW + APPENDS, HELLO])
@example([CALLER, SUBSCRIBE + APPEND, HELLO, CALLER])
@example([HELLO, PRESENT + WATCH + ABSENT + PRESENT, 0.5, HELLO])
def test_hostile_process(clock, actions):
    """Whatever a process says and does, others go on, and nothing of it stays."""
    asyncio.run(_live_beside(clock, actions))


async def _live_beside(clock, actions):
    hub = Exchange(is_first=True)
    follower = FollowingProcess()  # which requires that each entry is the next one
    friends = [Process(), Process(), follower]
    for friend in friends:
        friend.connect(hub)
        friend.client.subscribe("g:room")
    follower.client.follow("g:room")
    exchange_all(*friends)
    hostile = Hostile(hub, clock)
    for action in actions:
        hostile.do(action)
        exchange_all(*friends)
    hostile.lose()
    for _ in range(20):
        clock.now += GRACE / 10
        hub.tick()
        exchange_all(*friends)
    request = friends[0].publish("g:room", b"from a friend")
    exchange_all(*friends)
    assert request.answer.done()
    assert friends[1].received[-1] == b"from a friend"
    follower.append(b"numbered")
    exchange_all(*friends)
    assert follower.told[-1] == friends[1].received[-1] == b"numbered"
    assert hub.processes == {friend.client.id for friend in friends}
    for friend in friends:
        friend.client.leave()
        friend.write()
    assert not hub.has_processes


@PROFILE
@given(st.binary(max_size=200))
@example(b"\xff\xff")
def test_garbage_is_no_batch(garbage):
    """Bytes are a batch, or give one error."""
    try:
        for name, content in frame_codec.parse(garbage):
            assert name == "later" or frame_codec.encode(content)
    except frame_codec.DecodeError:
        pass


@PROFILE
@given(st.lists(batches() | st.binary(max_size=50), max_size=10))
def test_hostile_hub(received):
    """A process takes whatever a hub says, and goes on."""
    asyncio.run(_listen_to(received))


@PROFILE
@given(st.lists(batches() | batches(*OF_LOGS), max_size=10))
def test_hostile_hub_with_history(received):
    """So does one that follows logs."""
    asyncio.run(_follow(received))


async def _follow(received):
    process = HistoryClient(lambda topic, payload: True)
    process.follow("g:room")
    process.append("g:room", b"", Bounds(1, 1.0), kept=False)
    process.read("g:room", Reading())
    await _listen_to(received, process)


async def _listen_to(received, process=None):
    process = process or Client(lambda topic, payload: True)
    for batch in received:
        outbox = process.connected()
        process.subscribe("g:room")
        process.request(wire.Publish(topic="g:room"))
        process.pull("work")
        try:
            process.receive(batch)
        except frame_codec.DecodeError:
            process.disconnected()
        assert len(outbox.take_nowait()) < 10_000 * len(received)
    # The next hub is a good one.
    process.disconnected()
    hub, outbox = Exchange(is_first=True), Outbox()
    batch = process.connected().take_nowait()
    (_, hello), *_ = frame_codec.parse(batch)
    session = hub.join(hello, outbox)
    hub.receive(session, outbox, batch)
    process.receive(outbox.take_nowait())
    assert process.statistics().connected


@PROFILE
@given(st.text() | st.from_regex(r"[0-9a-f-]* ?(pid:\[\d*\])? \S* \S*"))
@example("² 1")
def test_presence(text):
    """Of nonsense nobody says that it has ended."""
    assert is_gone(text) is False
