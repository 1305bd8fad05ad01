"""Payloads, and what processes leave beside the hub's socket for each other."""

from __future__ import annotations

import math

import pytest
from channels.exceptions import MessageTooLarge
from hypothesis import assume, example, given
from hypothesis import strategies as st

from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.codec import GROUP_MESSAGE, Codec
from channels_bridge.groups.grpc.hub.hub_lock import SocketPlace
from channels_bridge.groups.message import GroupMessage
from compat_tests.fuzz.profile import PROFILE

CODEC = Codec(max_message_size=10_000)

NUMBERS = st.integers(-(2**63), 2**64 - 1)
SCALARS = st.none() | st.booleans() | NUMBERS | st.floats() | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | NUMBERS, inner, max_size=4)
    ),
    max_leaves=20,
)
MESSAGES = st.dictionaries(st.text().filter(lambda key: key != GROUP_MESSAGE), VALUES, max_size=5)

# What people put into messages, or might, and what MessagePack knows nothing of.
ANYTHING = st.recursive(
    SCALARS | st.integers() | st.decimals() | st.dates() | st.uuids() | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers(), max_size=3)
        | st.dictionaries(st.one_of(SCALARS, st.tuples(st.integers())), inner, max_size=4)
    ),
    max_leaves=20,
)


@PROFILE
@given(MESSAGES)
def test_round_trip(message):
    """A message of plain data arrives as it was sent."""
    try:
        payload = CODEC.encode(message)
    except MessageTooLarge:
        assume(False)
    assert same(CODEC.decode(payload), message)


@PROFILE
@given(st.text(), VALUES, VALUES)
def test_round_trip_of_group_messages(type_, value, params):
    """So does a GroupMessage."""
    message = GroupMessage(type_, value, params)
    decoded = CODEC.decode(CODEC.encode(message))
    (arrived,) = [value for value in decoded.values() if isinstance(value, GroupMessage)]
    assert arrived.type == type_
    assert same(arrived.message, value)
    assert same(arrived.params, params)


def same(one, other):
    """Whether two values are equal, of one type, and NaN where the other is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other))


@PROFILE
@given(st.dictionaries(st.text(), ANYTHING, max_size=4))
@example({"key": "\ud800"})
@example({"key": 2**64})
@example({"key": {(1,): 2}})
def test_anything_is_encoded_or_refused(message):
    """What can't be carried is refused where it is sent; whatever is accepted can be read."""
    try:
        payload = CODEC.encode(message)
    except (TypeError, MessageTooLarge) as error:
        assert str(error).startswith("message")
    else:
        assert list(CODEC.decode(payload)) == list(message)


@PROFILE
@given(st.binary(max_size=200))
@example(b"")
@example(b"\x07")
@example(b"\x90")
@example(b"\x81\x90\x01")
@example(b"\x81\xb1__group_message__\xc3")
@example(b"\x91" * 600)
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xd7\xff" + b"\xff" * 8)
def test_garbage_payload(garbage):
    """Bytes are a message, or give one error."""
    try:
        message = CODEC.decode(garbage)
    except ValueError as error:
        assert str(error).endswith("isn't a message")
    else:
        assert isinstance(message, dict)


@PROFILE
@given(st.binary(max_size=100) | st.text(alphabet='[]"0a, ', max_size=30).map(str.encode))
@example(b"[" * 100_000)
@example(b'[["\xff", ""]]')
def test_roster(place, content):
    """A file beside the socket is a roster, or gives one error."""
    (place.path.parent / "groups.sock.roster").write_bytes(content)
    try:
        roster = place.read_roster()
    except HubAddressError as error:
        assert "remove it" in str(error)
    else:
        assert all(type(id) is bytes and type(text) is str for id, text in roster.items())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A socket's path."""
    place = SocketPlace(tmp_path_factory.mktemp("place") / "groups.sock")
    yield place
    place.close()
