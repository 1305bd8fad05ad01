"""What a sender sends again, however many ask and however often."""

from __future__ import annotations

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.frame_format import NO_AGE, Request, pack_request
from compat_tests.groups.reliable.recorder import NOW, Recorder, publish_lost


def test_all_askers_get_a_bounded_number_of_bytes_at_a_time() -> None:
    """However many ask at once: else what is new would find no room on its way to the bus."""
    sender = Recorder(b"sender", Bounds(resent_bytes=10_000))
    publish_lost(sender, "g:a", bytes(1000), bytes(1000))
    for number in range(100):
        asker = b"ask%05d" % number
        ask(sender, asker, token=1)
    assert 10_000 <= sum(len(frame) for _, frame in sender.told) < 13_000
    sender.told.clear()
    sender.topics.tick(NOW + 0.1)
    ask(sender, b"ask00099", token=1)
    assert len(sender.told) == 2


def test_a_request_that_waited_with_its_repetitions_is_answered_once(sender: Recorder) -> None:
    """A sender that stood still finds several of each; the asker needs one answer."""
    publish_lost(sender, "g:a", b"1")
    for _ in range(10):
        ask(sender, b"asker...", token=1)
    assert sender.told_kinds() == ["RESENT"]
    ask(sender, b"asker...", token=2)
    sender.topics.tick(NOW + 0.1)
    ask(sender, b"asker...", token=1)
    assert sender.told_kinds() == ["RESENT"] * 3


def ask(sender: Recorder, asker: bytes, token: int) -> None:
    """Let a process ask for all of the first chain on ``g:a``."""
    request = Request("g:a", 1, 0, NO_AGE, token)
    sender.topics.received_control(pack_request(asker, request), NOW)
