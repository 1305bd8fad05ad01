"""Any bytes to the reliable layer, as a message or as control: counted, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from channels_bridge.groups.reliable import frame_format
from channels_bridge.groups.reliable.frame_format import HEAD
from compat_tests.fuzz.profile import PROFILE
from compat_tests.groups.reliable.recorder import KINDS, NOW, Recorder

NUMBERS = st.one_of(st.integers(0, 20), st.sampled_from([2**32 - 1, 2**63, 2**64 - 1]))
SHORT_NUMBERS = st.one_of(st.integers(0, 20), st.sampled_from([2**31, 2**32 - 2, 2**32 - 1]))
IDENTITIES = st.sampled_from([b"sender..", b"other...", b"receiver"])
RESTS = st.one_of(
    st.binary(max_size=60),
    # The rest of an answer or an audit, with a topic that is subscribed.
    st.builds(
        lambda base, end, lost, payload: (
            frame_format._ANSWER.pack(base, end, lost, 3) + b"g:a" + payload
        ),
        NUMBERS,
        NUMBERS,
        SHORT_NUMBERS,
        st.binary(max_size=5),
    ),
    st.builds(
        lambda chain, last, age: frame_format._AUDITED.pack(3, chain, last, age) + b"g:a",
        SHORT_NUMBERS,
        NUMBERS,
        SHORT_NUMBERS,
    ),
    st.builds(lambda token: frame_format._ASKED.pack(token) + b"g:a", SHORT_NUMBERS),
)
FRAMES = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda kind, tag, identity, chain, number, age, rest: (
            HEAD.pack(getattr(frame_format, kind), tag, identity, chain, number, age) + rest
        ),
        st.sampled_from(KINDS),
        st.integers(0, 255),
        IDENTITIES,
        SHORT_NUMBERS,
        NUMBERS,
        SHORT_NUMBERS,
        RESTS,
    ),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["topic", "control", "publish", "leave", "join"]),
        FRAMES,
        st.sampled_from([0.0, 0.01, 0.6, 20.0, 200.0]),
    ),
    max_size=30,
)


@PROFILE
@given(STEPS)
def test_any_frames(steps: list[tuple[str, bytes, float]]) -> None:
    """Nothing raises, and messages of this process still have a way."""
    receiver = Recorder(b"receiver")
    receiver.topics.subscribed("g:a", NOW)
    receiver.topics.bus_changed(NOW, away=True)
    now = NOW
    for action, frame, wait in steps:
        act(receiver, action, frame, now)
        now += wait
        receiver.topics.tick(now)
    receiver.published.clear()
    receiver.topics.publish("g:a", b"payload", now)
    assert len(receiver.published) == 1


def act(receiver: Recorder, action: str, frame: bytes, now: float) -> None:
    """Let one thing happen."""
    if action == "topic":
        receiver.topics.received("g:a", frame, now)
    elif action == "control":
        receiver.topics.received_control(frame, now)
    elif action == "publish":
        receiver.topics.publish("g:a", frame, now)
    elif action == "leave":
        receiver.topics.unsubscribed("g:a")
    else:
        receiver.topics.subscribed("g:a", now)


@PROFILE
@given(st.binary(max_size=200), st.integers(0, 255))
def test_any_bytes_with_a_known_front(rest: bytes, kind: int) -> None:
    """Of the version that is read, with any kind: read or counted."""
    receiver = Recorder(b"receiver")
    receiver.topics.subscribed("g:a", NOW - 60)
    frame = bytes([frame_format.VERSION, kind]) + rest
    receiver.topics.received("g:a", frame, NOW)
    receiver.topics.received_control(frame, NOW)
    assert receiver.topics.statistics.unreadable <= 2
