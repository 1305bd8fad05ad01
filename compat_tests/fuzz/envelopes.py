"""Valid frames with any content, and sequences of them."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st

from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

# A few names that meet each other, and any others.
NAMES = st.sampled_from(["g:room", "p:friend", "flush:", "work", ""]) | st.text(max_size=5)
IDS = st.sampled_from([b"hostile", b"other", b""]) | st.binary(max_size=5)
NUMBERS = st.integers(0, 5) | st.sampled_from([2**32 - 1, 2**64 - 1])

VALUES = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: IDS,
    FieldDescriptor.TYPE_DOUBLE: st.sampled_from([0.0, 60.0, -1.0]) | st.floats(),
    FieldDescriptor.TYPE_STRING: NAMES,
    FieldDescriptor.TYPE_UINT32: NUMBERS.filter(lambda number: number < 2**32),
    FieldDescriptor.TYPE_UINT64: NUMBERS,
}


def contents(descriptor: Descriptor) -> st.SearchStrategy[Any]:
    """Messages of one type, whose fields hold anything that they can."""
    fields = {field.name: _values(field) for field in descriptor.fields}
    return st.builds(getattr(wire, descriptor.name), **fields)


def _values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        values = contents(field.message_type)
    else:
        values = VALUES[field.type]
    return st.lists(values, max_size=3) if field.is_repeated else values


def batches(*names: str) -> st.SearchStrategy[bytes]:
    """Batches of frames of these names; of all by default."""
    fields = wire.Frame.DESCRIPTOR.fields_by_name
    kinds = [contents(fields[name].message_type) for name in names or fields]
    return st.lists(st.one_of(kinds).map(frame_codec.encode), max_size=5).map(b"".join)


def hellos(process: bytes) -> st.SearchStrategy[wire.Hello]:
    """What a process may say first."""

    def introduce(hello: wire.Hello) -> wire.Hello:
        hello.version = frame_codec.VERSION
        hello.process = process
        return hello

    return contents(wire.Hello.DESCRIPTOR).map(introduce)
