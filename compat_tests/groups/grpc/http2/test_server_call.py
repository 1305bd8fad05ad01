"""A call as the hub serves it: what it answers, and what strangers get for what they do."""

from __future__ import annotations

import logging

import hpack
import pytest

from channels_bridge.groups.grpc.http2 import http2_call
from channels_bridge.groups.grpc.http2.call_headers import MAX_HEADERS, encode_headers
from channels_bridge.groups.grpc.http2.http2_frames import (
    ACK,
    ALL,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LARGE_FRAME_SIZE,
    MAX_FRAME_SIZE,
    MAX_SETTINGS,
    PADDED,
    PING,
    PREFACE,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    Violation,
)
from channels_bridge.groups.grpc.http2.incoming_room import DEFAULT_WINDOW, WINDOW
from channels_bridge.groups.grpc.http2.server_call import ServerCall
from compat_tests.groups.grpc.http2.spoken import (
    GREETING,
    METHOD,
    REQUEST,
    contents,
    error_of,
    frame,
    frames,
    headers,
    message,
    setting,
)

MAX_MESSAGE = 1024 * 1024
PRIORITY = 2
MORE = b"\0\0\0\1"


def greeted() -> ServerCall:
    """One whose process has said nothing yet but that it speaks HTTP/2."""
    call = ServerCall(MAX_MESSAGE)
    call.receive(PREFACE + GREETING)
    call.take_output()
    return call


@pytest.fixture
def call() -> ServerCall:
    """One that has been called."""
    call = greeted()
    call.receive(headers(REQUEST))
    return call


def decoded(block: bytes) -> dict[bytes, bytes]:
    """The fields of a block, as another reader has them."""
    return dict(hpack.Decoder().decode(block, raw=True))


def test_request():
    """It is read however it is cut, once it is complete."""
    call = ServerCall(MAX_MESSAGE)
    opening = PREFACE + GREETING + headers(REQUEST)
    for byte in opening[:-1]:
        assert call.receive(bytes([byte])) == [] and call.request is None
    call.receive(opening[-1:])
    assert call.path == METHOD
    assert call.metadata(b"authorization") == [b"Bearer of it"]
    assert not call.is_over


def test_compressed_request():
    """A request may be compressed in all ways, and be cut into several frames."""
    call = greeted()
    block = hpack.Encoder().encode([(name, value) for name, value in REQUEST], huffman=True)
    call.receive(
        frame(HEADERS, bytes(5) + block[:10], flags=WITH_PRIORITY)
        + frame(CONTINUATION, block[10:20])
        + frame(CONTINUATION, block[20:], flags=END_HEADERS)
    )
    assert call.request == REQUEST


def test_tokens_are_not_logged(caplog):
    """A project whose root logger takes everything has no tokens in its log."""
    with caplog.at_level(logging.DEBUG):
        call = greeted()
        call.receive(headers(REQUEST))
    assert call.metadata(b"authorization") == [b"Bearer of it"]
    assert "Bearer" not in caplog.text


@pytest.mark.parametrize(
    "other", [(b":method", b"GET"), (b"content-type", b"text/plain"), (b":path", b"/other")]
)
def test_other_requests(other):
    """What isn't a call of gRPC has no method."""
    call = greeted()
    call.receive(headers([(name, value) for name, value in REQUEST if name != other[0]] + [other]))
    assert call.path in ("", "/other")


def test_answer(call):
    """Headers come before the first message, the status behind the last, then nothing more."""
    call.send(b"one")
    call.send(b"two")
    call.end(0)
    call.send(b"three")
    written = frames(call.take_output())
    assert [(kind, flags) for kind, flags, _, _ in written] == [
        (HEADERS, END_HEADERS),
        (DATA, 0),
        (DATA, 0),
        (GOAWAY, 0),
        (HEADERS, END_HEADERS | END_STREAM),
    ]
    assert decoded(written[0][3]) == {b":status": b"200", b"content-type": b"application/grpc"}
    assert [content for *_, content in written[1:3]] == [message(b"one"), message(b"two")]
    assert decoded(written[4][3]) == {b"grpc-status": b"0"}


def test_refusal(call):
    """A call may end before any answer, for a reason that is told."""
    call.end(16, "it refuses: 100% é")
    _, ending = frames(call.take_output())
    assert decoded(ending[3]) == {
        b":status": b"200",
        b"content-type": b"application/grpc",
        b"grpc-status": b"16",
        b"grpc-message": b"it refuses: 100%25 %C3%A9",
    }


def test_end_without_a_call():
    """Who has called nothing is told that the connection ends."""
    call = greeted()
    call.end(14, "the hub has ended")
    (ending,) = frames(call.take_output())
    assert (ending[0], ending[3]) == (GOAWAY, bytes(8) + b"the hub has ended")


def test_status_waits_for_messages(call):
    """It is written once there is room for all that comes before."""
    call.send(bytes(DEFAULT_WINDOW))
    call.end(0)
    assert {kind for kind, *_ in frames(call.take_output())} == {HEADERS, DATA}
    call.receive(frame(WINDOW_UPDATE, MORE, stream=ALL) * 9)
    assert call.take_output() == b"" and call.has_unsent
    call.receive(frame(WINDOW_UPDATE, MORE) * 9)
    assert [kind for kind, *_ in frames(call.take_output())] == [DATA, GOAWAY, HEADERS]


@pytest.mark.parametrize(
    "ending",
    [
        frame(DATA, message(b"last"), flags=END_STREAM),
        frame(DATA, message(b"last")) + headers([(b"trailer", b"1")], flags=END_STREAM),
        frame(DATA, message(b"last")) + frame(RST_STREAM, b"\0\0\0\x08"),
    ],
)
def test_process_ends(call, ending):
    """What a process has said before the end counts."""
    assert call.receive(ending) == [b"last"]
    assert call.is_over


def test_large_messages(call):
    """They are put together from what comes, up to the longest."""
    whole = message(bytes(MAX_MESSAGE))
    came = []
    written = frame(DATA, whole[:LARGE_FRAME_SIZE]) + frame(DATA, whole[LARGE_FRAME_SIZE:])
    for start in range(0, len(written), 65_536):
        came += call.receive(written[start : start + 65_536])
    assert came == [bytes(MAX_MESSAGE)]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\0" + (MAX_MESSAGE + 1).to_bytes(4, "big"), b"8"),
        (b"\1" + message(b"compressed")[1:], b"12"),
    ],
)
def test_refused_messages(call, said, status):
    """A message that isn't read ends the call as soon as its length is known."""
    call.take_output()
    assert call.receive(frame(DATA, said[:3]) + frame(DATA, said[3:] + b"x" * 1000)) == []
    assert call.is_ended
    _, ending = frames(call.take_output())
    assert decoded(ending[3])[b"grpc-status"] == status
    assert call.receive(frame(DATA, message(b"later"))) == []


def test_further_calls(call):
    """They are refused, with all that is said in them; the first one goes on."""
    call.take_output()
    assert call.receive(
        headers(REQUEST, stream=3)
        + frame(DATA, message(b"refused"), stream=3)
        + frame(WINDOW_UPDATE, MORE, stream=3)
        + frame(DATA, message(b"taken"))
        + frame(RST_STREAM, MORE, stream=3)
    ) == [b"taken"]
    ((kind, _, stream, code),) = frames(call.take_output())
    assert (kind, stream, code) == (RST_STREAM, 3, b"\0\0\0\7")


# What strangers do.

FIRST = [
    (b"GET / HTTP/1.1\r\n\r\n", PROTOCOL_ERROR),
    (PREFACE + frame(PING, bytes(8), stream=ALL), PROTOCOL_ERROR),
    (PREFACE + frame(SETTINGS, flags=ACK, stream=ALL), PROTOCOL_ERROR),
    (PREFACE + frame(DATA, message(b"")), PROTOCOL_ERROR),
    (PREFACE + b"\xff" * 9, FRAME_SIZE_ERROR),
]
LATER = [
    # Frames of a wrong size, or of nothing.
    (frame(PING, bytes(7), stream=ALL), FRAME_SIZE_ERROR),
    (frame(PING, bytes(8)), PROTOCOL_ERROR),
    (frame(SETTINGS, bytes(5), stream=ALL), FRAME_SIZE_ERROR),
    (frame(SETTINGS, bytes(6), flags=ACK, stream=ALL), FRAME_SIZE_ERROR),
    (frame(SETTINGS), PROTOCOL_ERROR),
    (frame(RST_STREAM, bytes(3)), FRAME_SIZE_ERROR),
    (frame(RST_STREAM, bytes(4), stream=5), PROTOCOL_ERROR),
    (frame(WINDOW_UPDATE, bytes(3)), FRAME_SIZE_ERROR),
    (frame(WINDOW_UPDATE, bytes(4)), PROTOCOL_ERROR),
    (frame(WINDOW_UPDATE, MORE, stream=2), PROTOCOL_ERROR),
    (frame(PUSH_PROMISE, bytes(4)), PROTOCOL_ERROR),
    (frame(0x42, bytes(DEFAULT_FRAME_SIZE + 1)), FRAME_SIZE_ERROR),
    ((LARGE_FRAME_SIZE + 1).to_bytes(3, "big") + b"\0\0\0\0\0\1", FRAME_SIZE_ERROR),
    (frame(DATA, b"", flags=PADDED), FRAME_SIZE_ERROR),
    (frame(DATA, b"\4abc", flags=PADDED), PROTOCOL_ERROR),
    (frame(DATA, message(b""), stream=3), PROTOCOL_ERROR),
    (frame(DATA, message(b""), stream=ALL), PROTOCOL_ERROR),
    (frame(DATA, flags=END_STREAM) + frame(DATA, message(b"")), STREAM_CLOSED),
    # Headers.
    (headers(REQUEST, stream=ALL), PROTOCOL_ERROR),
    (headers(REQUEST, stream=2), PROTOCOL_ERROR),
    (headers(REQUEST), PROTOCOL_ERROR),
    (headers(REQUEST, stream=5) + headers(REQUEST, stream=3), PROTOCOL_ERROR),
    (frame(HEADERS, b"\4", flags=PADDED | END_HEADERS, stream=3), PROTOCOL_ERROR),
    (frame(HEADERS, b"", flags=PADDED | END_HEADERS, stream=3), PROTOCOL_ERROR),
    (frame(HEADERS, b"1234", flags=WITH_PRIORITY | END_HEADERS, stream=3), PROTOCOL_ERROR),
    (frame(HEADERS, b"\xff" * 9, flags=END_HEADERS, stream=3), COMPRESSION_ERROR),
    (frame(HEADERS, bytes(MAX_HEADERS + 1), stream=3), ENHANCE_YOUR_CALM),
    (frame(HEADERS, b"", stream=3) + frame(PING, bytes(8), stream=ALL), PROTOCOL_ERROR),
    (frame(HEADERS, b"", stream=3) + frame(DATA, message(b"")), PROTOCOL_ERROR),
    (frame(HEADERS, b"", stream=3) + frame(CONTINUATION, b"", stream=5), PROTOCOL_ERROR),
    (frame(CONTINUATION, b""), PROTOCOL_ERROR),
    # Settings and windows.
    (frame(SETTINGS, bytes(6 * (MAX_SETTINGS + 1)), stream=ALL), ENHANCE_YOUR_CALM),
    (setting(INITIAL_WINDOW_SIZE, 2**31), FLOW_CONTROL_ERROR),
    (setting(MAX_FRAME_SIZE, DEFAULT_FRAME_SIZE - 1), PROTOCOL_ERROR),
    (setting(MAX_FRAME_SIZE, 2**24), PROTOCOL_ERROR),
    (frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff", stream=ALL), FLOW_CONTROL_ERROR),
    (frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff"), FLOW_CONTROL_ERROR),
    (frame(WINDOW_UPDATE, MORE) + setting(INITIAL_WINDOW_SIZE, 2**31 - 1), FLOW_CONTROL_ERROR),
]


@pytest.mark.parametrize(("said", "code"), FIRST)
def test_strangers(said, code):
    """Who doesn't begin as HTTP/2 does is told so in HTTP/2, and nothing else."""
    call = ServerCall(MAX_MESSAGE)
    call.take_output()
    with pytest.raises(Violation, match="it speaks another protocol"):
        call.receive(said)
    assert error_of(call) == code


@pytest.mark.parametrize(("said", "code"), LATER)
def test_violations(call, said, code):
    """Each has its code; nothing else is written."""
    call.take_output()
    with pytest.raises(Violation):
        call.receive(said)
    assert call.is_over
    assert error_of(call) == code


@pytest.mark.parametrize(
    "said",
    [
        frame(PING, bytes(8), stream=ALL),
        GREETING,
        frame(WINDOW_UPDATE, MORE, stream=ALL),
        frame(WINDOW_UPDATE, MORE),
        frame(DATA),
        frame(PRIORITY, bytes(5)),
        frame(0x42, b"unknown"),
        frame(GOAWAY, bytes(8), stream=ALL),
    ],
)
def test_floods(call, said, monkeypatch):
    """What means nothing may come now and then, and not again and again."""
    now = 0.0
    call.receive(frame(DATA, message(b"")))
    monkeypatch.setattr(http2_call.time, "monotonic", lambda: now)
    for _ in range(5):
        call.receive(said * http2_call.MAX_IDLE_FRAMES)
        now += http2_call.IDLE_SECONDS
    call.receive(said * http2_call.MAX_IDLE_FRAMES + frame(DATA, message(b"")))
    call.receive(said * http2_call.MAX_IDLE_FRAMES)
    call.send(b"")
    call.take_output()
    with pytest.raises(Violation, match="too many"):
        call.receive(said * (http2_call.MAX_IDLE_FRAMES + 1))
    assert error_of(call) == ENHANCE_YOUR_CALM


def test_many_calls(call):
    """So may further calls, that are begun and given up."""
    with pytest.raises(Violation, match="too many"):
        for stream in range(3, 10_000, 2):
            call.receive(headers([], stream=stream) + frame(RST_STREAM, MORE, stream=stream))


def test_many_calls_with_content(call):
    """What is said in them doesn't count as a message, so that they may be as few."""
    with pytest.raises(Violation, match="too many"):
        for stream in range(3, 10_000, 2):
            call.receive(headers([], stream=stream) + frame(DATA, b"x", stream=stream))


def test_endless_headers(call):
    """Headers don't grow for ever, in whatever pieces."""
    call.receive(frame(HEADERS, b"", stream=3))
    with pytest.raises(Violation, match="too long"):
        for _ in range(MAX_HEADERS // 100 + 1):
            call.receive(frame(CONTINUATION, bytes(100), stream=3))
    with pytest.raises(Violation, match="too many"):
        other = greeted()
        other.receive(frame(HEADERS, b"", stream=3))
        other.receive(frame(CONTINUATION, b"", stream=3) * 2000)


def test_headers_that_grow(call):
    """A few bytes that stand for many are no more than they stand for."""
    block = encode_headers([(b"x", b"y" * 2000)]).replace(b"\0", b"\x40", 1)
    with pytest.raises(Violation, match="too long"):
        call.receive(frame(HEADERS, block + b"\xbe" * 10, flags=END_HEADERS, stream=3))
    assert error_of(call) == ENHANCE_YOUR_CALM


def test_violation_amid_a_message(call):
    """What waits for room is dropped; what is told isn't."""
    call.send(bytes(10 * DEFAULT_WINDOW))
    call.take_output()
    assert call.has_unsent
    with pytest.raises(Violation):
        call.receive(frame(PING))
    assert not call.has_unsent
    assert error_of(call) == FRAME_SIZE_ERROR


def test_room_for_refused_calls(call):
    """What is said in a call that was refused takes no room from the one that goes on."""
    call.take_output()
    part = frame(DATA, bytes(LARGE_FRAME_SIZE), stream=3)
    call.receive(headers(REQUEST, stream=3))
    for _ in range(2 * WINDOW // LARGE_FRAME_SIZE):
        call.receive(part)
    room = sum(int.from_bytes(more, "big") for more in contents(call.take_output(), WINDOW_UPDATE))
    assert room == 2 * WINDOW


def test_frames_in_pieces(call):
    """No byte is looked at twice because of how frames are cut; padding is left out."""
    padded = frame(DATA, b"\5" + message(b"padded") + bytes(5), flags=PADDED)
    written = (padded + frame(DATA, b"\0", flags=PADDED) + frame(0x42, b"unknown")) * 3
    came = [each for byte in written for each in call.receive(bytes([byte]))]
    assert came == [b"padded"] * 3


def test_goodbye_of_a_process(call):
    """Its call goes on until it ends that."""
    call.receive(frame(GOAWAY, bytes(8), stream=ALL))
    assert not call.is_over
    assert call.receive(frame(DATA, message(b"more"))) == [b"more"]
