"""The frame format: read as it was written, and nothing else is read."""

from __future__ import annotations

import pytest

from channels_bridge.groups.reliable.frame_format import (
    HEAD,
    LONGEST,
    RESENT,
    Answer,
    Audited,
    Request,
    Unreadable,
    milliseconds,
    pack_answer,
    pack_audit,
    pack_request,
    unpack_answer,
    unpack_audit,
    unpack_request,
)
from channels_bridge.groups.reliable.reliable_topics import overhead
from compat_tests.groups.reliable.recorder import NOW, Recorder

IDENTITY = b"12345678"
ANSWER = Answer(chain=3, token=4, base=5, lost=6, end=8, number=7, tag=9, topic="g:ä", payload=b"x")


def test_answers_are_read_as_written() -> None:
    """All fields, with a topic that is not ASCII."""
    assert unpack_answer(pack_answer(IDENTITY, ANSWER)) == ANSWER


def test_requests_are_read_as_written() -> None:
    """All fields."""
    request = Request(topic="g:ä", chain=1, number=2, reach=3, token=4)
    assert unpack_request(pack_request(IDENTITY, request)) == request


def test_audits_are_read_as_written() -> None:
    """Several topics in a frame."""
    topics = [Audited("g:ä", 1, 2, 3), Audited("", 4, 5, 6)]
    assert list(unpack_audit(pack_audit(IDENTITY, topics))) == topics


def test_the_version_is_in_front() -> None:
    """The first byte of each frame, so that later versions can be told from this one."""
    assert HEAD.pack(RESENT, 0, IDENTITY, 0, 0, 0)[0] == 1


@pytest.mark.parametrize("length", range(len(pack_answer(IDENTITY, ANSWER)) - 1))
def test_cut_answers_are_unreadable(length: int) -> None:
    """Wherever they are cut, they are counted and raise nothing."""
    recorder = Recorder(b"receiver")
    recorder.topics.received_control(pack_answer(IDENTITY, ANSWER)[:length], NOW)
    assert recorder.topics.statistics.unreadable == 1


@pytest.mark.parametrize("length", [1, 17, 20])
def test_cut_audits_are_unreadable_from_there(length: int) -> None:
    """What comes before is read."""
    frame = pack_audit(IDENTITY, [Audited("g:a", 1, 2, 3), Audited("g:b", 4, 5, 6)])
    topics = unpack_audit(frame[:-length])
    assert next(topics).topic == "g:a"
    with pytest.raises(Unreadable):
        next(topics)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x02" + pack_answer(IDENTITY, ANSWER)[1:],  # another version
        b"\x01\xff" + pack_answer(IDENTITY, ANSWER)[2:],  # another kind
        pack_answer(IDENTITY, ANSWER).replace("ä".encode(), b"\xff\xff"),
    ],
)
def test_strange_frames_are_counted(frame: bytes) -> None:
    """Of another version or kind, and with topics that are no text."""
    recorder = Recorder(b"receiver")
    recorder.topics.subscribed("g:a", NOW)
    recorder.topics.received_control(frame, NOW)
    recorder.topics.received("g:a", frame, NOW)
    assert recorder.topics.statistics.unreadable == 2


def test_messages_have_no_number_zero() -> None:
    """Such a frame is not of this layer."""
    sender, receiver = Recorder(b"sender"), Recorder(b"receiver")
    receiver.topics.subscribed("g:a", NOW)
    sender.topics.publish("g:a", b"", NOW)
    (frame,) = sender.take()
    kind, tag, identity, chain, _, age = HEAD.unpack(frame)
    receiver.topics.received("g:a", HEAD.pack(kind, tag, identity, chain, 0, age), NOW)
    assert receiver.topics.statistics.unreadable == 1
    assert not receiver.delivered


def test_ages_have_bounds() -> None:
    """They are rounded down, and told as long as they can be."""
    assert milliseconds(0.0019) == 1
    assert milliseconds(-1.0) == 0
    assert milliseconds(1e12) == LONGEST


@pytest.mark.parametrize("topic", ["g:a", "g:ä" * 30])
def test_overhead(topic: str) -> None:
    """No frame with a payload is larger than said: a resend, which has the topic, the largest."""
    answer = ANSWER._replace(topic=topic, payload=b"payload")
    assert len(pack_answer(IDENTITY, answer)) == overhead(topic) + len(b"payload")
