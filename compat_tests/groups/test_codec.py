"""Messages and frames as bytes."""

from __future__ import annotations

import datetime
import decimal
import itertools
import re
import uuid

import pytest
from channels.exceptions import MessageTooLarge
from django.utils.safestring import mark_safe
from hypothesis import given
from hypothesis import strategies as st

from channels_bridge.groups import GroupMessage
from channels_bridge.groups.codec import Codec
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

codec = Codec(1024 * 1024)

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
MESSAGES = st.dictionaries(
    st.text(),
    st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
)


@given(MESSAGES)
def test_round_trip(message):
    """Plain data arrives as it was sent."""
    assert codec.decode(codec.encode(message)) == message


def test_tuples_become_lists():
    """Tuples arrive as lists, as with channels_redis."""
    assert codec.decode(codec.encode({"a": (1, (2, 3))})) == {"a": [1, [2, 3]]}


def test_integer_keys():
    """Keys may be integers."""
    assert codec.decode(codec.encode({"scores": {1: "a", 2: "b"}})) == {"scores": {1: "a", 2: "b"}}


def test_string_subclasses():
    """Django's safe strings arrive as strings."""
    message = codec.decode(codec.encode({"html": mark_safe("<b>")}))
    assert type(message["html"]) is str


def test_own_copy():
    """Each decoding is a message of its own."""
    payload = codec.encode({"list": []})
    codec.decode(payload)["list"].append(1)
    assert codec.decode(payload) == {"list": []}


def test_group_message():
    """A GroupMessage arrives as one, and as an event with its fields."""
    sent = GroupMessage("chat.message", message={"text": "hello"}, params=[1])
    event = codec.decode(codec.encode(sent))
    assert event.pop("__group_message__") == sent
    assert event == {"type": "chat.message", "message": {"text": "hello"}, "params": [1]}


class Thing:
    """Something of the user's."""


CYCLE: dict = {}
CYCLE["again"] = CYCLE

UNSERIALISABLE = [
    (
        {"user": {"joined": datetime.datetime(2030, 1, 1)}},
        "message['user']['joined'] is a datetime, which a channel layer can't carry: "
        "convert it with .isoformat() first",
    ),
    ({"price": decimal.Decimal(1)}, "message['price'] is a Decimal, "),
    ({"id": [0, uuid.UUID(int=0)]}, "message['id'][1] is a UUID, "),
    ({"tags": {"a"}}, "message['tags'] is a set, "),
    ({"thing": Thing()}, "message['thing'] is a Thing, "),
    ({"n": 2**64}, "message['n'] is an integer of more than 64 bits, "),
    ({"s": "\ud800"}, "message['s'] is a str that isn't valid Unicode, "),
    ({"m": {(1, 2): 3}}, "message['m'] has a tuple as a key, "),
    ({"m": {Thing: 3}}, "message['m'] has a type as a key, "),
    (CYCLE, "nested more than 500 levels deep"),
    (
        GroupMessage("x", params={"at": datetime.date(2030, 1, 1)}),
        "message['params']['at'] is a date, ",
    ),
    ({"__group_message__": True}, "reserved"),
]


@pytest.mark.parametrize(("message", "error"), UNSERIALISABLE)
def test_unserialisable(message, error):
    """What can't be sent is refused where it is sent, with its place and its type."""
    with pytest.raises(TypeError, match=re.escape(error)):
        codec.encode(message)


def test_too_large():
    """A message over the limit is refused, with both sizes."""
    small = Codec(100)
    assert small.encode({"x": "y" * 90})
    with pytest.raises(MessageTooLarge, match=r"message of 10\d bytes .* of 100 bytes"):
        small.encode({"x": "y" * 99})


def test_a_mebibyte():
    """The channel layer specification asks for a megabyte at least."""
    assert codec.decode(codec.encode({"data": bytes(1_000_000)})) == {"data": bytes(1_000_000)}


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"a": 1, "b": "x", "c": None, "d": b"", "e": 0.5, "f": True}, id="flat"),
        pytest.param({"a": [1, {"b": []}]}, id="nested"),
        pytest.param(GroupMessage("hello", message="x"), id="flat GroupMessage"),
        pytest.param(GroupMessage("hello", params={"a": []}), id="nested GroupMessage"),
    ],
)
def test_copies(message):
    """Each copy is as decoded from the payload, and shares nothing that can be changed."""
    codec = Codec(1000)
    payload = codec.encode(message)
    expected = codec.decode(payload)
    copies = list(itertools.islice(codec.copies(payload), 3))
    assert copies == [expected] * 3
    assert not set.intersection(*(set(mutable_parts(copy)) for copy in copies))


def mutable_parts(value):
    """The identities of everything in a message that can be changed."""
    if isinstance(value, GroupMessage):
        yield from mutable_parts(value.message)
        yield from mutable_parts(value.params)
    elif isinstance(value, (dict, list)):
        yield id(value)
        for part in value.values() if isinstance(value, dict) else value:
            yield from mutable_parts(part)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
def test_frames(length):
    """Frames of any length are what protobuf writes and reads."""
    delivery = wire.Delivery(seq=1, payload=bytes(length))
    expected = wire.Batch(frames=[wire.Frame(delivery=delivery)])
    assert frame_codec.encode(delivery) == expected.SerializeToString()
    assert list(frame_codec.parse(frame_codec.encode(delivery))) == [("delivery", delivery)]


@pytest.mark.parametrize("field", wire.Frame.DESCRIPTOR.fields_by_name)
def test_frame_kinds(field):
    """Each kind of frame has a name that leads to its field."""
    kind = getattr(wire, field.capitalize())()
    assert list(frame_codec.parse(frame_codec.encode(kind))) == [(field, kind)]
