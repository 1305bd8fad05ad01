"""Compressed messages on the fast path, and through the protocol alone: the same, to the byte."""

from __future__ import annotations

import zlib

from hypothesis import example, given
from hypothesis import strategies as st

from channels_bridge.server.websocket.fast_path import LONG, TAIL
from compat_tests.clients.raw_bytes import compress, frame
from compat_tests.fuzz.listener import cut
from compat_tests.fuzz.profile import PROFILE
from compat_tests.fuzz.wire import (
    CLOSING,
    LONG_MESSAGES,
    MAX_SIZE,
    MESSAGES,
    OPCODES,
    PARTS,
    PINGS,
    PLACES,
    TEXTS,
    alone,
    fragments,
)
from compat_tests.server.websocket.listening import DEFLATE, Counting, Listening, Slow

#: Of a message once it is inflated. None is 0.
LIMITS = st.sampled_from([0, MAX_SIZE, 2 * LONG])


def packed(content: bytes, level: int, flush: int, step: int, end: bytes) -> bytes:
    """Compressed in one of the ways that a sender has (RFC 7692, 7.2.3), and then as ``end``."""
    deflate = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    parts = [
        deflate.compress(content[start : start + step]) + deflate.flush(flush)
        for start in range(0, len(content), step)
    ]
    return b"".join([*parts, deflate.flush(zlib.Z_SYNC_FLUSH)]).removesuffix(TAIL) + end


def finished(content: bytes, end: bytes) -> bytes:
    """Compressed in a block that says it is the last one, with something behind it."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(content) + deflate.flush() + end


# Around the limits, and around the length from which websockets inflates in two steps; some of it
# can't be compressed.
LENGTHS = st.sampled_from([MAX_SIZE - 1, MAX_SIZE, MAX_SIZE + 1, LONG, 2 * LONG, 2 * LONG + 1])
CONTENTS = (
    TEXTS
    | PARTS
    | LENGTHS.map(bytes)
    | st.builds(lambda seed, length: (seed * length)[:length], st.binary(min_size=1), LENGTHS)
    | st.integers(1, LONG + 10).flatmap(lambda size: st.binary(min_size=size, max_size=size))
)
FLUSHES = st.sampled_from([zlib.Z_NO_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])
ENDS = st.sampled_from([b"", b"", b"\0", TAIL, b"\1\0\0\xff\xff", b"\xff", b"more"])
PACKED = (
    CONTENTS.map(compress)
    | st.builds(packed, CONTENTS, st.sampled_from([0, 1, 9]), FLUSHES, st.integers(1, 3000), ENDS)
    | st.builds(finished, CONTENTS, ENDS)
)
BROKEN = (
    st.builds(lambda data, length: data[:length], PACKED, st.integers(0, LONG + 5))
    | st.builds(lambda data, place: flipped(data, place), PACKED, st.integers(0, 10**5))
    | st.binary(max_size=20)
    | st.just(compress(bytes(10**6)))
)


def flipped(data: bytes, place: int) -> bytes:
    """With one of its bits changed."""
    if not data:
        return data
    place, bit = place // 8 % len(data), 1 << place % 8
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


WHOLE = st.builds(frame, OPCODES, PACKED, rsv=st.just(4), form=st.sampled_from([0, 0, 2, 8]))
GOOD = (WHOLE | WHOLE | MESSAGES | PINGS).map(alone) | fragments(True)
BAD = st.builds(frame, OPCODES, BROKEN, rsv=st.sampled_from([4, 4, 4, 6])) | LONG_MESSAGES | CLOSING
STREAMS = st.builds(
    lambda *parts: [frame for part in parts for frames in part for frame in frames],
    st.lists(GOOD, max_size=5),
    st.lists(BAD.map(alone), max_size=1),
    st.lists(GOOD, max_size=2),
)


@PROFILE
@given(STREAMS, PLACES, LIMITS)
@example([frame(1, compress(bytes(10**6)), rsv=4)], [], MAX_SIZE)
@example([frame(2, finished(bytes(LONG), b"\xff" * LONG), rsv=4)], [], 0)
@example([frame(2, packed(bytes(2 * LONG), 0, 0, 2 * LONG, b"")[:-9], rsv=4)], [], 2 * LONG)
def test_same_as_the_protocol(frames, places, limit):
    """Wherever the stream is cut: the same messages, pongs, close codes and reasons, in order."""
    fast, slow = (Listening(DEFLATE, kind, max_message_size=limit) for kind in (Counting, Slow))
    pieces = cut(b"".join(frames), places)
    fast.hear(*pieces)
    slow.hear(*pieces)
    ends = [place for place, heard in enumerate(slow.heard) if type(heard) is tuple]
    if ends and slow.heard[ends[0]][0] == 1007:
        # The protocol may have read on by the time that text is looked at, and answered more.
        assert fast.heard[: ends[0] + 1] == slow.heard[: ends[0] + 1]
    else:
        assert fast.heard == slow.heard
        assert fast.answer == slow.answer
