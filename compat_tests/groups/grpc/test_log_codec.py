"""Frames of kept messages, which are written by hand, are those that protobuf writes."""

from __future__ import annotations

import pytest

from channels_bridge.groups.grpc import frame_codec, log_codec
from channels_bridge.groups.grpc.frame_codec import Kind
from channels_bridge.groups.history.position import Bounds, Entry
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
@pytest.mark.parametrize("confirm", [True, False])
def test_append(payload: bytes, kept: bool, confirm: bool) -> None:
    """A message that is to get a number."""
    bounds = Bounds(100, 0.5)
    history = wire.History(messages=100, seconds=0.5, transient=not kept)
    for seq in EDGES:
        batch = log_codec.encode_append("é", seq, payload, bounds, kept=kept, confirm=confirm)
        assert only_kind(batch) == wire.Publish(
            seq=seq, topic="é", payload=payload, confirm=confirm, history=history
        )


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
