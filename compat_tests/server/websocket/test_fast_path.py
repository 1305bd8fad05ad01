"""Plain messages, which are read without the protocol."""

from __future__ import annotations

import random

import pytest
from websockets.frames import Opcode

from channels_bridge.server.websocket.fast_path import Boundary, read_plain, read_pong
from compat_tests.clients.raw_bytes import frame

LIMIT = 2**14


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 300, LIMIT])
def test_whole_message_is_taken(size):
    """A message of one frame comes as its event, text and bytes alike, wherever it begins."""
    text, data = frame(Opcode.TEXT, b"x" * size), frame(Opcode.BINARY, b"\xff" * size)
    event, end = read_plain(text + data, 0, LIMIT)
    assert (event, end) == ({"type": "websocket.receive", "text": "x" * size}, len(text))
    event, end = read_plain(text + data, end, LIMIT)
    assert event == {"type": "websocket.receive", "bytes": b"\xff" * size}
    assert end == len(text + data)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(frame(Opcode.TEXT, b"abc")[:5], id="cut in its header"),
        pytest.param(frame(Opcode.TEXT, b"abc")[:-1], id="cut in its payload"),
        pytest.param(frame(Opcode.TEXT, b"x" * 200)[:7], id="cut in its mask"),
        pytest.param(frame(Opcode.TEXT, b"abc", fin=False), id="part of a message"),
        pytest.param(frame(Opcode.CONT, b"abc"), id="end of a message"),
        pytest.param(frame(Opcode.PING, b"abc"), id="ping"),
        pytest.param(frame(Opcode.CLOSE, b"\x03\xe8"), id="close"),
        pytest.param(b"\xc1" + frame(Opcode.TEXT, b"abc")[1:], id="compressed"),
        pytest.param(b"\x83" + frame(Opcode.TEXT, b"abc")[1:], id="unknown opcode"),
        pytest.param(frame(Opcode.TEXT, b"abcdef", mask=b""), id="not masked"),
        pytest.param(frame(Opcode.TEXT, b"x" * (LIMIT + 1)), id="longer than the limit"),
        pytest.param(frame(Opcode.TEXT, b"x" * 2**16), id="long"),
    ],
)
def test_everything_else_is_for_the_protocol(frame):
    """What isn't a whole plain message is left to websockets, errors included."""
    assert read_plain(frame, 0, LIMIT) is None


def test_invalid_text_is_not_taken():
    """Text that is no UTF-8 is an error, which the connection answers with 1007."""
    with pytest.raises(UnicodeDecodeError):
        read_plain(frame(Opcode.TEXT, b"\xff"), 0, LIMIT)


@pytest.mark.parametrize("size", [0, 4, 125])
def test_pong_is_taken(size):
    """A pong comes as its payload, wherever it begins."""
    text, pong = frame(Opcode.TEXT, b"abc"), frame(Opcode.PONG, b"x" * size)
    assert read_pong(text + pong + text, len(text)) == (b"x" * size, len(text + pong))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(frame(Opcode.PONG, b"abc")[:5], id="cut in its mask"),
        pytest.param(frame(Opcode.PONG, b"abc")[:-1], id="cut in its payload"),
        pytest.param(frame(Opcode.PING, b"abc"), id="ping"),
        pytest.param(frame(Opcode.TEXT, b"abc"), id="text"),
        pytest.param(b"\xca" + frame(Opcode.PONG, b"abc")[1:], id="compressed"),
        pytest.param(b"\x0a" + frame(Opcode.PONG, b"abc")[1:], id="part of a message"),
        pytest.param(b"\x8a\xfe" + frame(Opcode.TEXT, b"x" * 200)[2:], id="too long"),
        pytest.param(frame(Opcode.PONG, b"abcdef", mask=b""), id="not masked"),
    ],
)
def test_other_control_frames_are_for_the_protocol(frame):
    """What isn't a whole pong is left to websockets, errors included."""
    assert read_pong(frame, 0) is None


FRAMES = [
    (frame(Opcode.TEXT, b""), True),
    (frame(Opcode.TEXT, b"x" * 200, fin=False), False),
    (frame(Opcode.PING, b"in between"), False),
    (frame(Opcode.CONT, b"", fin=False), False),
    (frame(Opcode.CONT, b"x" * 130), True),
    (frame(Opcode.PONG, b""), True),
    (frame(Opcode.BINARY, b"x" * 70_000), True),
    (frame(Opcode.TEXT, b"not masked", mask=b""), True),
    (frame(Opcode.BINARY, b"x"), True),
]


@pytest.mark.parametrize("seed", range(30))
def test_boundary_is_known_however_the_stream_is_cut(seed):
    """The place between two messages is found again after whatever the protocol was given."""
    chance = random.Random(seed)
    stream, places, at = b"".join(one for one, _ in FRAMES), {0}, 0
    for one, ends_message in FRAMES:
        at += len(one)
        if ends_message:
            places.add(at)
    cuts = {chance.randrange(len(stream)) for _ in range(chance.randrange(20))}
    cuts |= {place for place in places if chance.random() < 0.7} | {0, len(stream)}
    boundary, before = Boundary(), 0
    for cut in sorted(cuts):
        boundary.advance(stream[before:cut])
        before = cut
        assert boundary.is_here == (cut in places)
