"""The bytes of an event stream, read back as the standard says that browsers read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_bridge.event_stream.stream_format import (
    HEARTBEAT,
    StreamEvent,
    encode,
    moved,
    opening,
)
from compat_tests.event_stream.event_source import EventSource

POSITION = "abcdefgh.k3x9q2.17.dGlja2V0"


ONE_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1)


@given(st.text(), st.none() | ONE_LINE)
def test_what_is_sent_is_received(data: str, event: str | None) -> None:
    """Any text and any type arrive as they were sent; line ends as the page expects them."""
    source = EventSource()
    source.feed(encode(StreamEvent(data, event), POSITION))
    expected = data.replace("\r\n", "\n").replace("\r", "\n")
    # A browser has no event without data: an empty text is told by its position alone.
    assert source.events == ([(event or "message", expected)] if expected else [])
    assert source.last_event_id == POSITION


@given(st.binary(), st.data())
def test_pieces(noise: bytes, data: st.DataObject) -> None:
    """The stream may be cut anywhere: it is bytes, not lines, that arrive."""
    sent = opening(1.5) + encode(StreamEvent("é\n€")) + HEARTBEAT + moved(POSITION)
    cut = data.draw(st.integers(0, len(sent)))
    source = EventSource()
    source.feed(sent[:cut])
    source.feed(sent[cut:])
    assert source.events == [("message", "é\n€")]
    assert (source.retry, source.last_event_id) == (1500, POSITION)


def test_half_a_character() -> None:
    """What no encoding has, such as JSON's "\\ud800", doesn't end the stream."""
    source = EventSource()
    source.feed(encode(StreamEvent("a\ud800b", "c\udfffd")))
    assert source.events == [("c?d", "a?b")]


def test_half_an_event_counts_for_nothing() -> None:
    """A stream that ends within an event leaves the client where it was before."""
    source = EventSource()
    source.feed(moved("a") + encode(StreamEvent("text"), "b")[:-1])
    assert (source.events, source.last_event_id) == ([], "a")


def test_the_type_of_an_event_is_one_line() -> None:
    """A type with a line end would begin another event."""
    with pytest.raises(ValueError, match="is one line"):
        StreamEvent("text", "joined\ndata: forged")
