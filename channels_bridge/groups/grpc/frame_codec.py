"""Encoding and decoding of frames, in batches.

A Batch is a protobuf message with one repeated field, so that batches joined end to end are a batch
of all their frames: each frame is encoded once, as a batch of its own, however many it is sent to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError as DecodeError  # for those who call parse()
from google.protobuf.unknown_fields import UnknownFieldSet

from channels_bridge.groups.wire.v1 import groups_pb2 as wire

VERSION = 1

#: The gRPC method whose streams have these batches.
SERVICE = "channels_bridge.groups.v1.Groups"
METHOD = "Connect"

#: Frames with a number, which the hub answers.
Request = (
    wire.Absent
    | wire.Bind
    | wire.Clear
    | wire.Follow
    | wire.Present
    | wire.Publish
    | wire.Push
    | wire.Subscribe
    | wire.Unbind
    | wire.Watch
)

Kind = (
    Request
    | wire.Appends
    | wire.Bye
    | wire.Cleared
    | wire.Deliveries
    | wire.Delivery
    | wire.Handled
    | wire.Hello
    | wire.Item
    | wire.Log
    | wire.Peers
    | wire.Pull
    | wire.Refused
    | wire.Resume
    | wire.Resumed
    | wire.Roll
    | wire.Sequenced
    | wire.Settled
    | wire.Taken
    | wire.Unbound
    | wire.Unknown
    | wire.Unsubscribe
    | wire.Welcome
    | wire.Withdraw
    | wire.Withdrawn
)


def encode(kind: Kind) -> bytes:
    """Return a batch of one frame."""
    return frame_of(type(kind), kind.SerializeToString())


def frame_of(kind: type[Kind], *fields: bytes) -> bytes:
    """Return a batch of one frame, whose content is encoded in pieces, joined end to end."""
    # Written by hand around the content, which protobuf would copy twice to put it there. It may be
    # long, and is copied once.
    length = sum(map(len, fields))
    head = _KEYS[kind] + varint(length)
    return b"".join((_FRAME, varint(len(head) + length), head, *fields))


def parse(batch: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the name and the content of each frame.

    Those of a later release are called ``later``, and their content is their number.

    Raises:
        DecodeError: these bytes aren't a batch.
    """
    for frame in wire.Batch.FromString(batch).frames:
        field = frame.WhichOneof("kind")
        if field is not None:
            yield field, getattr(frame, field)
        else:
            unknown = UnknownFieldSet(frame)
            yield "later", unknown[0].field_number if len(unknown) else 0


def varint(value: int) -> bytes:
    """Return a number as protobuf has it."""
    if value < 0x80:
        return _SHORT[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80)) + varint(value >> 14)


def _key(number: int) -> bytes:
    """Return what a field of protobuf's wire type 2 begins with; its length and content follow."""
    return varint(number << 3 | 2)


_SHORT = [bytes((value,)) for value in range(0x100)]

#: How a batch's only field begins.
_FRAME = _key(1)

#: Type of a frame's content -> how its field begins.
_KEYS: dict[type[Any], bytes] = {
    getattr(wire, field.name.capitalize()): _key(field.number)
    for field in wire.Frame.DESCRIPTOR.fields
}
