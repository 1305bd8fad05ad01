"""Headers in a message's bytes: whoever doesn't look for them reads the same message."""

from __future__ import annotations

import logging

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_bridge.groups.codec import Codec
from channels_bridge.groups.message import GroupMessage
from channels_bridge.tracing.carried_headers import CODE, MAX_BYTES, Carried, put, read
from channels_bridge.tracing.tracing_codec import (
    TracedEvent,
    TracedGroupMessage,
    TracingCodec,
)
from compat_tests.fuzz.profile import PROFILE
from compat_tests.groups.test_codec import MESSAGES

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CARRIED = Carried({"traceparent": PARENT}, "room")

# Of this release, and of all before it.
codec = Codec(1024 * 1024)
tracing = TracingCodec(1024 * 1024)


@PROFILE
@given(MESSAGES.filter(lambda message: message and len(next(iter(message))) < 60))
def test_nobody_sees_them(message):
    """The message is the same, its keys in the same order, also for releases before this one."""
    payload = put(codec.encode(message), CARRIED)
    assert read(payload) == CARRIED
    decoded = codec.decode(payload)
    assert type(decoded) is dict
    assert list(decoded.items()) == list(codec.decode(codec.encode(message)).items())
    traced = tracing.decode(payload)
    assert isinstance(traced, TracedEvent) and traced.carried == CARRIED
    assert traced == decoded


@PROFILE
@given(MESSAGES)
def test_there_are_none(message):
    """A message that was sent without headers has none."""
    payload = codec.encode(message)
    assert read(payload) is None
    assert type(tracing.decode(payload)) is dict


@pytest.mark.parametrize("count", [1, 14, 15, 16, 65_534, 65_535, 65_536])
def test_however_many_keys(count):
    """The header of a map has three lengths."""
    message = {f"key{number}": number for number in range(count)}
    payload = put(codec.encode(message), CARRIED)
    assert codec.decode(payload) == message
    assert read(payload) == CARRIED


def test_extensions_of_the_message():
    """A message's own value is none, whatever it is."""
    own = msgpack.ExtType(CODE, msgpack.packb([{"traceparent": PARENT}, "room"]))
    for message in ({"type": own}, {"type": own, "text": "x"}, {"type": own, "other": "type"}):
        payload = codec.encode(message)
        assert read(payload) is None
        assert codec.decode(payload) == message
        assert read(put(payload, CARRIED)) == CARRIED
        assert codec.decode(put(payload, CARRIED)) == message


@pytest.mark.parametrize("message", [{}, {1: "a"}, {b"type": "a"}, {"k" * 256: "a"}])
def test_messages_without_room_for_them(message):
    """A message that no consumer has a handler for goes without."""
    payload = codec.encode(message)
    assert put(payload, CARRIED) == payload


def test_nothing_to_carry():
    """Without headers the bytes are those of any other message."""
    payload = codec.encode({"type": "a"})
    assert put(payload, Carried({}, "room")) == payload


def test_what_is_too_long_is_left_out(caplog):
    """The trace goes on without the baggage that a client has made too long, and a line says so."""
    headers = {"baggage": "x" * MAX_BYTES, "traceparent": PARENT, "tracestate": "a=b"}
    with caplog.at_level(logging.WARNING, "channels_bridge.groups"):
        payload = put(codec.encode({"type": "a"}), Carried(headers, "room"))
    assert read(payload) == Carried({"traceparent": PARENT, "tracestate": "a=b"}, "room")
    assert len(payload) < MAX_BYTES
    assert "'baggage' is left out" in caplog.text


@PROFILE
@given(
    st.dictionaries(st.text(), st.text() | st.just("\ud800") | st.text(min_size=3000), max_size=9),
    st.text(max_size=100),
)
def test_any_headers(headers, group):
    """What a tracer makes is carried or left out; the message arrives, and stays short."""
    payload = put(codec.encode({"type": "a", "text": "b"}), Carried(headers, group))
    assert codec.decode(payload) == {"type": "a", "text": "b"}
    assert len(payload) < 2 * MAX_BYTES
    carried = read(payload)
    if carried is not None:
        assert carried.headers.items() <= headers.items()
        assert carried.destination == group


def test_messages_at_the_limit():
    """A message that is just short enough isn't refused for its headers."""
    message = {"type": "a", "text": "x" * 100}
    exact = TracingCodec(len(codec.encode(message)))
    assert exact.encode(TracedEvent(message, CARRIED)) == codec.encode(message)


def test_group_messages():
    """So it is with the other form of messages."""
    sent = TracedGroupMessage("room.said", "text", {"n": 1}, CARRIED)
    payload = tracing.encode(sent)
    assert read(payload) == CARRIED
    (arrived,) = (v for v in codec.decode(payload).values() if isinstance(v, GroupMessage))
    assert arrived == GroupMessage("room.said", "text", {"n": 1})


@pytest.mark.parametrize("text", ["plain", ["not", "plain"]])
def test_own_copies(text):
    """Each member's copy has them, and shares nothing that can be changed."""
    payload = tracing.encode(TracedEvent({"type": "a", "text": text}, CARRIED))
    copies = tracing.copies(payload)
    one, two = next(copies), next(copies)
    one["more"] = 1
    assert two == {"type": "a", "text": text}
    assert one["text"] is not two["text"] or isinstance(text, str)
    assert isinstance(two, TracedEvent) and two.carried == CARRIED
