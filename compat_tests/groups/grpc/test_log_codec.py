"""Frames of kept messages: what is written by hand is what protobuf writes, and joined ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from channels_bridge.groups.grpc import append_codec, frame_codec, log_codec
from channels_bridge.groups.grpc.frame_codec import Kind
from channels_bridge.groups.history.position import Entry, entries_in_turn
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

#: Numbers at whose places protobuf's encoding gets one byte longer.
EDGES = [0, 1, *(2**bits + step for bits in (7, 14, 21, 28, 63) for step in (-1, 0)), 2**64 - 1]

PAYLOADS = [b"", b"\x00", bytes(range(256)), bytes(20_000)]


def only_kind(batch: bytes) -> Kind:
    """Return the content of a batch's only frame."""
    ((_, kind),) = frame_codec.parse(batch)
    return kind


@pytest.mark.parametrize("payload", PAYLOADS, ids=len)
@pytest.mark.parametrize("kept", [True, False])
def test_append(payload: bytes, kept: bool) -> None:
    """A message that is to get a number."""
    history = wire.History(messages=100, seconds=0.5, transient=not kept)
    for seq in EDGES:
        batch = append_codec.encode_append(append_codec.target("é", 100, 0.5, kept), seq, payload)
        assert only_kind(batch) == wire.Publish(
            seq=seq, topic="é", payload=payload, history=history
        )


ONE = append_codec.target("g:one", 100, 0.5, True)
TWO = append_codec.target("g:two", 3, 60.0, True)
TYPING = append_codec.target("g:two", 3, 60.0, False)


def runs(batch: bytes, known: int = 0) -> list[Any]:
    """What a hub makes of an Appends."""
    appends = only_kind(batch)
    assert isinstance(appends, wire.Appends)
    assert append_codec.is_sound(appends)
    return list(append_codec.runs_in(appends, known))


def test_appends_to_one_log() -> None:
    """Many messages are one run, and say once where they go."""
    batch = append_codec.encode_appends(7, [ONE] * 3, [b"a", b"", b"c"])
    assert runs(batch) == [(ONE, 7, [b"a", b"", b"c"])]
    assert runs(batch, 1) == [(ONE, 8, [b"", b"c"])]
    assert runs(batch, 3) == []
    assert batch.count(b"g:one") == 1


def test_appends_to_many_logs() -> None:
    """The order of all of them is kept; what isn't kept goes elsewhere than what is."""
    targets = [TWO, ONE, ONE, TYPING, TWO]
    batch = append_codec.encode_appends(1, targets, [b"a", b"b", b"c", b"d", b"e"])
    expected = [
        (TWO, 1, [b"a"]),
        (ONE, 2, [b"b", b"c"]),
        (TYPING, 4, [b"d"]),
        (TWO, 5, [b"e"]),
    ]
    assert runs(batch) == expected
    assert runs(batch, 2) == [(ONE, 3, [b"c"]), *expected[2:]]


@pytest.mark.parametrize(
    "appends",
    [
        wire.Appends(seq=1),
        wire.Appends(seq=1, targets=[wire.Target()]),
        wire.Appends(seq=1, payloads=[b""]),
        wire.Appends(seq=1, targets=[wire.Target()], payloads=[b""], places=[1]),
        wire.Appends(seq=1, targets=[wire.Target()], payloads=[b""], places=[0, 0]),
        wire.Appends(seq=1, targets=[wire.Target()], payloads=[b"", b""], places=[0]),
        wire.Appends(seq=2**64 - 1, targets=[wire.Target()], payloads=[b"", b""]),
    ],
)
def test_unsound_appends(appends: wire.Appends) -> None:
    """One that doesn't say of each message where it goes, or has a number beyond 64 bits."""
    assert not append_codec.is_sound(appends)


@pytest.mark.parametrize("offset", [0, 5])
@pytest.mark.parametrize("payloads", [[b"a", b"", b"c"], [b"alone"]])
def test_deliveries(offset: int, payloads: Sequence[bytes]) -> None:
    """Messages that have got numbers one after the other say the first ones; one alone as ever."""
    entries = entries_in_turn("epoch1", offset, 9, b"sender", 7, payloads, 0.0)
    numbered = wire.Numbered(epoch="epoch1", offset=offset, order=9)
    head = {"sender": b"sender", "seq": 7, "topic": "g:chat", "numbered": numbered}
    joined = wire.Deliveries(**head, payloads=payloads)
    single = wire.Delivery(**head, payload=payloads[0])
    expected = joined if len(payloads) > 1 else single
    assert only_kind(log_codec.encode_deliveries("g:chat", entries)) == expected


@pytest.mark.parametrize("payload", PAYLOADS, ids=len)
def test_delivery(payload: bytes) -> None:
    """A message that has got one; what is 0 is left out or not, which is the same."""
    for number in EDGES:
        entry = Entry("epoch1", number, number, b"sender", number, payload, 0.0)
        assert only_kind(log_codec.encode_delivery("g:chat", entry)) == wire.Delivery(
            sender=b"sender",
            seq=number,
            topic="g:chat",
            payload=payload,
            numbered=wire.Numbered(epoch="epoch1", offset=number, order=number),
        )
