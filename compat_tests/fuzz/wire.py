"""Frames (RFC 6455, 5.2) that clients send once they are connected, most of them valid."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from compat_tests.clients.raw_bytes import compress, frame
from compat_tests.fuzz.listener import cut

#: Bytes of a message that are allowed here.
MAX_SIZE = 1000

# Around the lengths where headers change, and where the limit is.
LENGTHS = st.sampled_from([0, 1, 5, 125, 126, 127, 130, MAX_SIZE - 1, MAX_SIZE])
TOO_LONG = st.sampled_from([MAX_SIZE + 1, 2 * MAX_SIZE, 70_000])
TEXTS = st.text(max_size=20).map(str.encode) | LENGTHS.map(lambda length: b"x" * length)
PARTS = st.sampled_from([b"\xe2\x82", b"\xac", b"\xff", b"\xed\xa0\x80", b"caf\xc3\xa9", b""])
CODES = st.sampled_from([0, 999, 1000, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4999, 5000])
CLOSES = st.sampled_from([b"", b"\x03"]) | st.builds(
    lambda code, reason: struct.pack("!H", code) + reason, CODES, PARTS | TEXTS
)


COMPRESSED = (TEXTS | PARTS).map(compress) | st.sampled_from([compress(b"0" * 10**6), b"\0", b""])
PAYLOADS = TEXTS | TOO_LONG.map(bytes) | PARTS | CLOSES | COMPRESSED | st.binary(max_size=20)


FORMS = st.sampled_from([0] * 8 + [2, 8])
OPCODES = st.sampled_from([1, 2])

#: Each a message as it should be, in one frame.
MESSAGES = st.builds(frame, OPCODES, TEXTS, form=FORMS)
LONG_MESSAGES = st.builds(frame, OPCODES, TOO_LONG.map(bytes), form=FORMS)
COMPRESSED_MESSAGES = st.builds(frame, OPCODES, TEXTS.map(compress), rsv=st.just(4))
PINGS = st.builds(frame, st.sampled_from([9, 9, 10]), st.binary(max_size=10))
CLOSING = st.builds(frame, st.just(8), CLOSES)

#: Messages in two frames that are wrong in one of them, or fit together by chance.
BROKEN = st.builds(
    lambda opcode, first, rsv, between, last, second: [
        frame(opcode, first, fin=False, rsv=rsv),
        between,
        frame(last, second),
    ],
    OPCODES,
    PARTS | COMPRESSED,
    st.sampled_from([0, 4]),
    PINGS | st.just(b""),
    st.sampled_from([0, 0, 1, 2]),
    PARTS | TEXTS,
)

#: Any bits anywhere.
ANY = st.builds(
    frame,
    st.integers(0, 15),
    PAYLOADS,
    fin=st.booleans(),
    rsv=st.sampled_from([0, 0, 0, 4, 1, 2, 7]),
    mask=st.sampled_from([b"mask", b"mask", b"\0\0\0\0", b""]),
    form=FORMS,
    claimed=st.sampled_from([None] * 8 + [0, 3, 126, 1001, 2**31, 2**63 - 1, 2**64 - 1]),
)


@st.composite
def fragments(draw: st.DrawFn, deflate: bool) -> list[bytes]:
    """A message in several frames, with pings in between."""
    message, opcode = draw(TEXTS), draw(OPCODES)
    compressed = deflate and draw(st.booleans())
    parts = cut(compress(message) if compressed else message, draw(PLACES))
    frames = [frame(opcode, b"", fin=False, rsv=4 if compressed else 0)]
    for part in parts:
        frames += [frame(0, part, fin=False), draw(PINGS | st.just(b""))]
    return [*frames, frame(0, b"")]


PLACES = st.lists(st.integers(0, 5000), max_size=5)


def streams(deflate: bool) -> st.SearchStrategy[list[bytes]]:
    """The frames of a client: as they should be until one is not, if any isn't."""
    single = MESSAGES | PINGS | (COMPRESSED_MESSAGES if deflate else MESSAGES)
    good = single.map(alone) | fragments(deflate)
    bad = CLOSING | LONG_MESSAGES | ANY | ANY | st.binary(max_size=20)
    said = st.tuples(
        st.lists(good, max_size=6),
        st.lists(bad.map(alone) | BROKEN, max_size=1),
        st.lists(good, max_size=2),
    )
    return said.map(lambda said: [frame for part in said for frames in part for frame in frames])


def alone(frame: bytes) -> list[bytes]:
    return [frame]


def divide(frames: list[bytes], places: list[int], *, by_frames: bool) -> list[bytes]:
    """Cut a stream into the pieces that are sent at once, anywhere or at and in each frame."""
    if not by_frames:
        return cut(b"".join(frames), places)
    return [piece for frame in frames for piece in cut(frame, places[:1])]
