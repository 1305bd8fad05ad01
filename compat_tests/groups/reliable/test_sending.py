"""A sender's chains: numbers, what is kept and for how long, and what is forgotten."""

from __future__ import annotations

import pytest

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.chain_sender import KEEPING, SentChain
from channels_bridge.groups.reliable.frame_format import HEAD, HEAD_SIZE
from compat_tests.groups.reliable.recorder import NOW, Recorder, publish_lost


def heads(recorder: Recorder) -> list[tuple[int, int, int]]:
    """Chain, number and age of the frames that were published."""
    return [HEAD.unpack_from(frame)[3:] for frame in recorder.take()]


def test_numbers_each_topic(sender: Recorder) -> None:
    """From 1, without a gap, with the age of the one before."""
    for topic, at in [("g:a", 0.0), ("g:b", 0.1), ("g:a", 0.25), ("g:a", 0.25)]:
        sender.topics.publish(topic, b"", NOW + at)
    assert heads(sender) == [(1, 1, 0), (1, 1, 0), (1, 2, 250), (1, 3, 0)]


def test_tag_and_payload_are_in_the_frame(sender: Recorder) -> None:
    """As they were given."""
    sender.topics.publish("g:a", b"payload", NOW, tag=255)
    ((topic, frame),) = sender.published
    assert topic == "g:a"
    assert HEAD.unpack_from(frame)[1] == 255
    assert frame[HEAD_SIZE:] == b"payload"


def test_keeps_for_a_time(sender: Recorder) -> None:
    """Then memory is given back, a little later."""
    publish_lost(sender, "g:a", b"12345")
    publish_lost(sender, "g:a", b"12345", now=NOW + 10)
    sender.topics.tick(NOW + 14.9)
    assert sender.topics.statistics.kept == 2
    sender.topics.tick(NOW + 15.5)
    assert sender.topics.statistics.kept == 1
    assert sender.topics.statistics.kept_bytes == 5 + KEEPING


def test_keeps_a_number_of_bytes() -> None:
    """The oldest go first, and the window says for how long the rest is kept."""
    sender = Recorder(b"sender", Bounds(keep_bytes=3 * (100 + KEEPING)))
    for second in range(10):
        publish_lost(sender, f"g:{second % 2}", b"x" * 100, now=NOW + second)
    statistics = sender.topics.statistics
    assert statistics.kept == 3
    assert statistics.window == 3.0
    sender.topics.tick(NOW + 30)
    assert sender.topics.statistics.window == 15.0


@pytest.mark.parametrize("after", range(11))
def test_what_is_kept_after_a_number(after: int) -> None:
    """As much as is asked for, from the oldest on at most; nothing is moved by it."""
    chain = SentChain("g:a", 1, NOW)
    chain.last = 10
    for number in range(4, 11):
        chain.kept.append((NOW + number, 0, b"%d" % number))
    numbers = [int(payload) for _, _, payload in chain.kept_after(after, 3)]
    assert numbers == [n for n in range(4, 11) if n > after][:3]
    assert [int(payload) for _, _, payload in chain.kept] == list(range(4, 11))
    assert chain.count_kept_before(NOW + after) == min(max(after - 4, 0), 7)


def test_one_that_is_larger_than_all_is_sent() -> None:
    """It can't be sent again, though."""
    sender = Recorder(b"sender", Bounds(keep_bytes=1000))
    sender.topics.publish("g:a", b"x" * 2000, NOW)
    assert len(sender.published) == 1
    assert sender.topics.statistics.kept_bytes == 0


def test_begins_another_chain_after_long(sender: Recorder) -> None:
    """Whether or not the old one was noticed to be old."""
    publish_lost(sender, "g:a", b"")
    sender.topics.publish("g:a", b"", NOW + 60)
    sender.topics.publish("g:a", b"", NOW + 120.1)
    (*before, (chain, *number)) = heads(sender)
    assert before == [(1, 2, 60_000)]
    assert chain > 1
    assert number == [1, 0]


def test_chains_do_not_run_out(sender: Recorder) -> None:
    """They have 32 bits: enough for years, and not used up by the number of topics."""
    for number in range(1000):
        publish_lost(sender, f"g:{number}", b"")
    sender.topics.publish("g:a", b"", NOW)
    year = 365 * 24 * 3600
    sender.topics.publish("g:a", b"", NOW + 100 * year)
    (first, second) = heads(sender)
    assert first[0] == 1
    assert first[0] < second[0] < 2**32


def test_memory_is_bounded_by_topics_in_use(sender: Recorder) -> None:
    """Nothing is left of topics that were used once."""
    sender.topics.bus_changed(NOW, away=True)
    now = NOW
    for number in range(1000):
        publish_lost(sender, f"g:{number}", b"", now=now)
        now += 0.1
        sender.topics.tick(now)
    while now < NOW + 400:
        now = max(sender.topics.tick(now), now)
    assert len(sender.topics._chains) == 0
    assert sender.topics.unmarked == 0
    assert sender.topics.statistics.kept_bytes == 0
