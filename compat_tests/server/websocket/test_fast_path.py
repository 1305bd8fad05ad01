"""Whole messages, which are read without the protocol."""

from __future__ import annotations

import random
import tracemalloc
import zlib

import pytest
from websockets.frames import Opcode

from channels_bridge.server.websocket.fast_path import (
    LONG,
    TAIL,
    Boundary,
    inflater,
    read_message,
    read_pong,
)
from compat_tests.clients.raw_bytes import compress, frame

LIMIT = 2**14


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 300, LIMIT])
def test_whole_message_is_taken(size):
    """A message of one frame comes as its event, text and bytes alike, wherever it begins."""
    text, data = frame(Opcode.TEXT, b"x" * size), frame(Opcode.BINARY, b"\xff" * size)
    for inflate in (None, inflater(15, LIMIT)):
        event, end = read_message(text + data, 0, LIMIT, inflate)
        assert (event, end) == ({"type": "websocket.receive", "text": "x" * size}, len(text))
        event, end = read_message(text + data, end, LIMIT, inflate)
        assert event == {"type": "websocket.receive", "bytes": b"\xff" * size}
        assert end == len(text + data)


def in_blocks(content: bytes) -> bytes:
    """Compressed in a block for each ten bytes, the last of which is marked as the last one."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    parts = [
        deflate.compress(content[start : start + 10]) + deflate.flush(zlib.Z_FULL_FLUSH)
        for start in range(0, len(content), 10)
    ]
    return b"".join([*parts, deflate.flush(), b"\0"])


def stored(content: bytes) -> bytes:
    """Not made any shorter, in blocks that say so."""
    deflate = zlib.compressobj(0, wbits=-zlib.MAX_WBITS)
    return (deflate.compress(content) + deflate.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


@pytest.mark.parametrize("size", [0, 1, 125, LONG - 10, LONG, LIMIT - 100])
@pytest.mark.parametrize("packed", [compress, in_blocks, stored])
def test_whole_compressed_message_is_taken(size, packed):
    """So does a compressed one, however its sender has divided it (RFC 7692, 7.2.3)."""
    letters = random.Random(size).choices("abcdefgh", k=size)
    content = "".join(letters).encode()
    text = frame(Opcode.TEXT, packed(content), rsv=4)
    data = frame(Opcode.BINARY, packed(content), rsv=4)
    inflate = inflater(15, 0)
    event, end = read_message(text + data, 0, 2**16, inflate)
    assert (event, end) == ({"type": "websocket.receive", "text": content.decode()}, len(text))
    event, end = read_message(text + data, end, 2**16, inflate)
    assert (event, end) == ({"type": "websocket.receive", "bytes": content}, len(text + data))


@pytest.mark.parametrize(
    "payload, limit",
    [
        pytest.param(compress(b"x" * 1001), 1000, id="one byte too long"),
        pytest.param(compress(b"x" * 10**6), 1000, id="bomb"),
        pytest.param(stored(bytes(LONG)), LONG - 1, id="long, and one byte too long"),
        pytest.param(b"\xff" * 9, 1000, id="not compressed"),
        pytest.param(stored(bytes(LONG))[: LONG + 1], 0, id="cut"),
    ],
)
def test_wrong_compression_is_for_the_protocol(payload, limit):
    """What is no compressed message, or one that is too long, websockets gives the answer to."""
    assert read_message(frame(Opcode.TEXT, payload, rsv=4), 0, 2**14, inflater(15, limit)) is None


def test_size_at_the_limit():
    """A message may have as many bytes as are allowed, compressed well or not at all."""
    assert inflater(15, 1000)(compress(b"x" * 1000)) == b"x" * 1000
    assert inflater(15, LONG)(stored(bytes(LONG))) == bytes(LONG)


def test_bomb_takes_no_memory():
    """The limit holds while a message is inflated: no more than that is ever there."""
    bomb = compress(bytes(10**7))
    tracemalloc.start()
    try:
        assert inflater(15, 10**6)(bomb) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * 10**6  # zlib copies what it made once


def test_nothing_of_a_message_is_left():
    """A client cannot refer to what another one has sent: nothing is kept of a message."""
    inflate = inflater(15, 0)
    sender = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    secret = random.Random(2).randbytes(100)
    first = sender.compress(secret) + sender.flush(zlib.Z_SYNC_FLUSH)
    again = sender.compress(secret) + sender.flush(zlib.Z_SYNC_FLUSH)
    assert inflate(first.removesuffix(TAIL)) == secret
    assert inflate(again.removesuffix(TAIL)) is None


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
        pytest.param(frame(Opcode.TEXT, compress(b"abc"), rsv=4), id="compressed, not agreed on"),
        pytest.param(b"\x83" + frame(Opcode.TEXT, b"abc")[1:], id="unknown opcode"),
        pytest.param(frame(Opcode.TEXT, b"abcdef", mask=b""), id="not masked"),
        pytest.param(frame(Opcode.TEXT, b"x" * (LIMIT + 1)), id="longer than the limit"),
        pytest.param(frame(Opcode.TEXT, b"x" * 2**16), id="long"),
    ],
)
def test_everything_else_is_for_the_protocol(frame):
    """What isn't a whole message is left to websockets, errors included."""
    assert read_message(frame, 0, LIMIT) is None


def test_invalid_text_is_not_taken():
    """Text that is no UTF-8 is an error, which the connection answers with 1007."""
    with pytest.raises(UnicodeDecodeError):
        read_message(frame(Opcode.TEXT, b"\xff"), 0, LIMIT)
    with pytest.raises(UnicodeDecodeError):
        read_message(frame(Opcode.TEXT, compress(b"\xff"), rsv=4), 0, LIMIT, inflater(15, 0))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(frame(Opcode.TEXT, compress(b"abc"), rsv=4)[:-1], id="cut in its payload"),
        pytest.param(
            frame(Opcode.TEXT, compress(b"abc"), rsv=4, fin=False), id="part of a message"
        ),
        pytest.param(frame(Opcode.CONT, compress(b"abc"), rsv=4), id="end of a message"),
        pytest.param(frame(Opcode.PING, compress(b"abc"), rsv=4), id="ping"),
        pytest.param(frame(Opcode.TEXT, compress(b"abc"), rsv=6), id="another reserved bit"),
        pytest.param(frame(Opcode.TEXT, compress(b"abc"), rsv=4, mask=b""), id="not masked"),
        pytest.param(frame(Opcode.TEXT, b"x" * (LIMIT + 1), rsv=4), id="longer than the limit"),
    ],
)
def test_what_is_no_compressed_message_is_for_the_protocol(frame):
    """Where compression was agreed on as well."""
    assert read_message(frame, 0, LIMIT, inflater(15, 0)) is None


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
