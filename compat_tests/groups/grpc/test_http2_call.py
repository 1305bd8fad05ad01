"""The part of HTTP/2 that one gRPC call needs, without a socket."""

from __future__ import annotations

import random

import pytest

from channels_bridge.groups.grpc.process import http2_call
from channels_bridge.groups.grpc.process.http2_call import (
    ACK,
    ALL,
    CALL,
    DATA,
    DEFAULT_WINDOW,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    PADDED,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_STEP,
    WINDOW_UPDATE,
    Http2Call,
)

METHOD = "/service/Method"


def frame(kind: int, content: bytes = b"", *, flags: int = 0, stream: int = CALL) -> bytes:
    """A frame as the other side writes it."""
    head = len(content).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + content


def message(content: bytes) -> bytes:
    """A message of gRPC."""
    return b"\0" + len(content).to_bytes(4, "big") + content


def setting(name: int, value: int) -> bytes:
    """A SETTINGS frame with one of them."""
    return frame(SETTINGS, name.to_bytes(2, "big") + value.to_bytes(4, "big"), stream=ALL)


def frames(output: bytes) -> list[tuple[int, int, int, bytes]]:
    """Type, flags, stream and content of what was written."""
    found = []
    while output:
        size = int.from_bytes(output[:3], "big")
        stream = int.from_bytes(output[5:9], "big")
        found.append((output[3], output[4], stream, output[9 : 9 + size]))
        output = output[9 + size :]
    return found


@pytest.fixture
def call() -> Http2Call:
    """One whose opening has been written."""
    call = Http2Call(METHOD)
    call.take_output()
    return call


def test_opening():
    """It begins with the preface, its settings, and the headers of the call."""
    output = Http2Call(METHOD).take_output()
    assert output.startswith(PREFACE)
    kinds = [(kind, stream) for kind, _, stream, _ in frames(output.removeprefix(PREFACE))]
    assert kinds == [(SETTINGS, ALL), (WINDOW_UPDATE, ALL), (HEADERS, CALL)]
    assert METHOD.encode() in output


def test_messages_are_cut_into_frames(call):
    """None is longer than the other side has said, by default 16 KiB."""
    call.send(b"x" * 40_000)
    assert [len(content) for *_, content in frames(call.take_output())] == [16_384, 16_384, 7_237]
    call.receive(setting(MAX_FRAME_SIZE, 20_000))
    call.send(b"x" * 20_000)
    written = frames(call.take_output())
    assert [(kind, len(content)) for kind, _, _, content in written if kind == DATA] == [
        (DATA, 20_000),
        (DATA, 5),
    ]


def test_flow_control(call):
    """What the other side has no room for waits, on the connection and on the stream."""
    call.send(b"x" * DEFAULT_WINDOW)
    assert sum(len(content) for *_, content in frames(call.take_output())) == DEFAULT_WINDOW
    assert call.has_unsent and call.take_output() == b""
    call.receive(frame(WINDOW_UPDATE, (9).to_bytes(4, "big"), stream=ALL))
    assert call.take_output() == b""
    call.receive(frame(WINDOW_UPDATE, (3).to_bytes(4, "big")))
    assert [content for *_, content in frames(call.take_output())] == [b"xxx"]
    call.receive(setting(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW + 100))
    assert [content for kind, *_, content in frames(call.take_output()) if kind == DATA] == [b"xx"]
    assert not call.has_unsent


def test_a_smaller_window(call):
    """A window may be made smaller than what is in it: then nothing is written for a while."""
    call.send(b"x" * 1000)
    call.take_output()
    call.receive(setting(INITIAL_WINDOW_SIZE, 10))
    call.send(b"y")
    assert [kind for kind, *_ in frames(call.take_output())] == [SETTINGS]
    call.receive(frame(WINDOW_UPDATE, (1010).to_bytes(4, "big")))
    assert frames(call.take_output())[0][3] == message(b"y")


def test_messages_come_in_any_pieces(call):
    """However frames and reads cut them, messages are whole and in order."""
    dice = random.Random(14)
    sent = [bytes([number]) * dice.randrange(300) for number in range(50)]
    rest, written = b"".join(map(message, sent)), b""
    while rest:
        size = dice.randrange(1, 200)
        written += frame(DATA, rest[:size]) + frame(0x30, b"unknown")
        rest = rest[size:]
    came = []
    while written:
        size = dice.randrange(1, 100)
        came += call.receive(written[:size])
        written = written[size:]
    assert came == sent
    assert not call.is_over


def test_padding(call):
    """It is left out."""
    padded = bytes([3]) + message(b"hello") + b"\0\0\0"
    assert call.receive(frame(DATA, padded, flags=PADDED)) == [b"hello"]


def test_acknowledgements(call):
    """Settings and pings are acknowledged; acknowledgements aren't."""
    call.receive(setting(0x10, 1) + frame(SETTINGS, flags=ACK, stream=ALL))
    call.receive(frame(PING, b"12345678", stream=ALL))
    call.receive(frame(PING, b"87654321", flags=ACK, stream=ALL))
    assert frames(call.take_output()) == [(SETTINGS, ACK, ALL, b""), (PING, ACK, ALL, b"12345678")]


def test_room_is_renewed(call):
    """Who sends much is told that there is room for more, on the connection and on the stream."""
    part = frame(DATA, message(b"x" * 16_000))
    for _ in range(WINDOW_STEP // 16_005):
        call.receive(part)
    assert call.take_output() == b""
    call.receive(part)
    updates = frames(call.take_output())
    assert [(kind, stream) for kind, _, stream, _ in updates] == [
        (WINDOW_UPDATE, ALL),
        (WINDOW_UPDATE, CALL),
    ]
    assert {int.from_bytes(content, "big") for *_, content in updates} == {66 * 16_005}


@pytest.mark.parametrize(
    "end",
    [
        frame(HEADERS, b"trailers", flags=END_STREAM),
        frame(DATA, flags=END_STREAM),
        frame(RST_STREAM, b"\0\0\0\2"),
        frame(GOAWAY, b"\0" * 8, stream=ALL),
    ],
)
def test_end(call, end):
    """What came before the end counts."""
    assert call.receive(frame(HEADERS, b"headers") + frame(DATA, message(b"last"))) == [b"last"]
    assert not call.is_over
    assert call.receive(frame(DATA, message(b"last")) + end) == [b"last"]
    assert call.is_over


@pytest.mark.parametrize(
    "written",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        frame(DATA, b"\1" + message(b"compressed")[1:]),
        frame(DATA, b"\0" + (http2_call.MAX_MESSAGE + 1).to_bytes(4, "big")),
    ],
)
def test_strangers(call, written):
    """Who speaks something else is not believed."""
    with pytest.raises(ConnectionError, match="what listens there"):
        call.receive(written)
