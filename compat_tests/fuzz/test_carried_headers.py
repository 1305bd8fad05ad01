"""Headers beside messages: whatever bytes there are, a reader gets headers, or none."""

from __future__ import annotations

import msgpack
from hypothesis import example, given
from hypothesis import strategies as st

from channels_bridge.groups.codec import Codec
from channels_bridge.tracing.carried_headers import CODE, Carried, put, read
from compat_tests.fuzz.profile import PROFILE
from compat_tests.fuzz.test_payloads import MESSAGES, VALUES, same

CODEC = Codec(1_000_000)
TEXT = st.text(max_size=50)
HEADERS = {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01", "baggage": "a=b"}
MARKED = put(CODEC.encode({"type": "room.said", "text": "hello"}), Carried(HEADERS, "room"))


def require_headers(carried: Carried | None) -> None:
    """What is found is text."""
    if carried is not None:
        assert isinstance(carried.destination, str)
        assert all(isinstance(each, str) for pair in carried.headers.items() for each in pair)


@PROFILE
@given(st.binary(max_size=300))
@example(b"")
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\x82\xdd\xff\xff\xff\xff")
@example(b"\x82\xdb\xff\xff\xff\xff")
@example(b"\x82" + b"\x91" * 2000)
@example(b"\x82\xa1k\xc9\xff\xff\xff\xff\x54")
@example(b"\x82\xa1k\xc7\x02\x54\x91\x80\xa1k\xc0")
def test_garbage(garbage: bytes) -> None:
    """Nothing is raised."""
    require_headers(read(garbage))


@PROFILE
@given(st.integers(0, len(MARKED) - 1), st.binary(min_size=1, max_size=4))
def test_mutations(place: int, change: bytes) -> None:
    """A message with headers of which some bytes are others."""
    require_headers(read(MARKED[:place] + change + MARKED[place + len(change) :]))


@PROFILE
@given(st.integers(0, len(MARKED)))
def test_cut_off(length: int) -> None:
    """One of which a part is missing."""
    require_headers(read(MARKED[:length]))


@PROFILE
@given(VALUES)
def test_bodies(body: object) -> None:
    """An extension of ours that says something else, as a later release might."""
    extension = msgpack.packb(msgpack.ExtType(CODE, msgpack.packb(body)))
    payload = b"\x82\xa4type" + extension + b"\xa4type\xa1a"
    require_headers(read(payload))
    assert CODEC.decode(payload) == {"type": "a"}


@PROFILE
@given(MESSAGES.filter(bool), st.dictionaries(TEXT, TEXT, max_size=9))
def test_messages(message: dict[str, object], headers: dict[str, str]) -> None:
    """The message is what it is without them."""
    plain = CODEC.encode(message)
    payload = put(plain, Carried(headers, "room"))
    assert same(CODEC.decode(payload), CODEC.decode(plain))
    assert (read(payload) or Carried({}, "")).headers == (headers if payload != plain else {})
