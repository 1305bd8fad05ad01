"""A call as a process makes it: what it writes, and what it makes of the other side."""

from __future__ import annotations

import random

import pytest

from channels_bridge.groups.grpc.http2.client_call import ClientCall
from channels_bridge.groups.grpc.http2.http2_frames import (
    ACK,
    ALL,
    DATA,
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
    WINDOW_UPDATE,
)
from channels_bridge.groups.grpc.http2.incoming_room import DEFAULT_WINDOW, WINDOW_STEP
from compat_tests.groups.grpc.http2.spoken import (
    CALL,
    GREETING,
    METHOD,
    RESPONSE,
    frame,
    frames,
    headers,
    message,
    setting,
)

MAX_MESSAGE = 1024 * 1024


@pytest.fixture
def call() -> ClientCall:
    """One whose opening has been written, and which has been greeted."""
    call = ClientCall(METHOD, max_message=MAX_MESSAGE)
    call.receive(GREETING)
    call.take_output()
    return call


def test_opening():
    """It begins with the preface, its settings, and the headers of the call."""
    output = ClientCall(METHOD).take_output()
    assert output.startswith(PREFACE)
    kinds = [(kind, stream) for kind, _, stream, _ in frames(output.removeprefix(PREFACE))]
    assert kinds == [(SETTINGS, ALL), (WINDOW_UPDATE, ALL), (HEADERS, CALL)]
    assert METHOD.encode() in output


def test_metadata():
    """Headers of one's own are among them, however long."""
    output = ClientCall(METHOD, [(b"authorization", b"x" * 1000)]).take_output()
    assert b"authorization\x7f\xe9\x06" + b"x" * 1000 in output


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
        headers([(b"grpc-status", b"0")], flags=END_STREAM),
        frame(DATA, flags=END_STREAM),
        frame(RST_STREAM, b"\0\0\0\2"),
        frame(GOAWAY, b"\0" * 8, stream=ALL),
    ],
)
def test_end(call, end):
    """What came before the end counts."""
    assert call.receive(headers(RESPONSE) + frame(DATA, message(b"last"))) == [b"last"]
    assert not call.is_over
    assert call.receive(frame(DATA, message(b"last")) + end) == [b"last"]
    assert call.is_over


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ([(b"grpc-status", b"0")], 0, ""),
        ([(b"grpc-status", b"16"), (b"grpc-message", b"it refuses: 100%25 %c3%a9")], 16, "%"),
        ([(b"grpc-status", b"x" * 4000)], 2, ""),
        ([], 2, ""),
    ],
)
def test_status(call, fields, status, reason):
    """How the call has ended is read, with or without anything before it."""
    call.receive(headers(RESPONSE) + headers(fields, flags=END_STREAM))
    assert call.status == status and call.is_over
    assert call.has_failed == bool(status)
    assert call.reason == ("it refuses: 100% é" if reason else "")
    other = ClientCall(METHOD)
    other.receive(GREETING + headers([*RESPONSE, *fields], flags=END_STREAM))
    assert (other.status, other.reason) == (status, call.reason)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (frame(RST_STREAM, b"\0\0\0\x08"), "broken off the call (HTTP/2 code 8)"),
        (frame(GOAWAY, b"\0\0\0\1\0\0\0\x0bcalm down", stream=ALL), "connection: calm down"),
        (frame(DATA, flags=END_STREAM), "without a status"),
    ],
)
def test_end_without_a_status(call, end, reason):
    """What there is to say of it is said."""
    call.receive(headers(RESPONSE) + end)
    assert call.has_failed and call.is_over
    assert reason in call.reason


def test_gentle_goaway(call):
    """A connection that is to end lets the call end in its own time."""
    call.receive(frame(GOAWAY, b"\x7f\xff\xff\xff\0\0\0\0", stream=ALL))
    assert not call.is_over
    assert call.receive(headers(RESPONSE) + frame(DATA, message(b"more"))) == [b"more"]


@pytest.mark.parametrize(
    "fields",
    [
        [(b":status", b"404"), (b"content-type", b"text/html")],
        [(b":status", b"200"), (b"content-type", b"text/html")],
    ],
)
def test_other_services(call, fields):
    """What is no gRPC is no hub."""
    call.receive(headers(fields))
    assert call.is_over and call.has_failed
    assert call.reason == "what listens there is no groups hub"


def test_cancel(call):
    """Nothing is written behind it."""
    call.send(b"x" * DEFAULT_WINDOW * 2)
    call.cancel()
    assert [kind for kind, *_ in frames(call.take_output())] == [RST_STREAM]


@pytest.mark.parametrize(
    "written",
    [
        frame(DATA, b"\1" + message(b"compressed")[1:]),
        frame(DATA, b"\0" + (MAX_MESSAGE + 1).to_bytes(4, "big")),
    ],
)
def test_strangers(call, written):
    """Who speaks something else is not believed."""
    with pytest.raises(ConnectionError, match="what listens there"):
        call.receive(written)
    assert call.is_over


def test_strangers_at_once():
    """Nor is who begins with something else than its settings."""
    for written in (
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        frame(PING, bytes(8), stream=ALL),
        frame(DATA, message(b"hello")),
    ):
        with pytest.raises(ConnectionError, match="speaks another protocol"):
            ClientCall(METHOD).receive(written)
