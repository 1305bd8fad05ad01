"""Compressed messages are read without the protocol, and all else about them is as with it."""

from __future__ import annotations

import zlib
from importlib.metadata import version

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Opcode

from compat_tests.clients.raw_bytes import compress, frame
from compat_tests.server.websocket.listening import DEFLATE, Counting, Listening, Slow


def text(content):
    """The event of a message."""
    return {"type": "websocket.receive", "text": content}


def said(content):
    """A message as browsers send it."""
    return frame(Opcode.TEXT, compress(content.encode()), rsv=4)


def test_no_protocol_is_needed():
    """Compressed and other messages of one frame, and pongs, are read without one."""
    client = Listening()
    pong = frame(Opcode.PONG, b"pong")
    client.hear(said("one") + frame(Opcode.TEXT, b"two") + pong + said(""), said("three"))
    assert client.heard == [text("one"), text("two"), b"pong", text(""), text("three")]
    assert client.detours == 0


#: Until then ``websockets`` has no limit for frames.
SINCE_16 = pytest.mark.skipif(
    int(version("websockets").partition(".")[0]) < 16, reason="websockets before 16.0"
)

CUT = said("cut in its middle")
PARTS = [
    frame(Opcode.TEXT, compress(b"in parts")[:3], rsv=4, fin=False),
    frame(Opcode.CONT, compress(b"in parts")[3:]),
]


@pytest.mark.parametrize(
    "pieces, heard",
    [
        pytest.param([CUT[:1], CUT[1:]], [text("cut in its middle")], id="cut in its header"),
        pytest.param([CUT[:-1], CUT[-1:]], [text("cut in its middle")], id="cut in its payload"),
        pytest.param([b"".join(PARTS)], [text("in parts")], id="fragments"),
        pytest.param(
            [PARTS[0], frame(Opcode.PING, b""), PARTS[1]],
            [None, text("in parts")],
            id="ping inside",
        ),
        pytest.param([frame(Opcode.PING, b"")], [None], id="ping"),
    ],
)
def test_back_on_the_fast_path(pieces, heard):
    """Whatever went through the protocol, the whole message behind it doesn't."""
    client = Listening()
    client.hear(said("before"), *pieces)
    detours = client.detours
    assert detours > 0
    client.hear(said("whole"), said("and another"))
    assert client.heard == [text("before"), *heard, text("whole"), text("and another")]
    assert client.detours == detours


@pytest.mark.parametrize(
    "payload, code",
    [
        pytest.param(compress(bytes(1001)), 1009, id="too long"),
        pytest.param(compress(bytes(10**6)), 1009, id="bomb"),
        pytest.param(b"\xff" * 20, 1002, id="not compressed"),
    ],
)
@pytest.mark.parametrize(
    "limit", ["max_message_size", pytest.param("max_frame_size", marks=SINCE_16)]
)
def test_refusals_are_the_protocols(payload, code, limit):
    """The close frame has its code and reason; what came before is handled, and nothing after."""
    clients = [Listening(DEFLATE, kind, **{limit: 1000}) for kind in (Counting, Slow)]
    for client in clients:
        client.hear(said("before") + frame(Opcode.BINARY, payload, rsv=4) + said("after"))
        assert client.heard[0] == text("before")
        ((closed, reason),) = client.heard[1:]
        assert closed == code
    assert clients[0].heard == clients[1].heard
    assert clients[0].answer == clients[1].answer != b""


def test_takeover_is_the_protocols():
    """Where a message may refer to the ones before it, none is inflated by itself."""
    client = Listening(PerMessageDeflate(False, True, 15, 12, {}))
    sender = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for _ in range(3):
        payload = sender.compress(b"the same again") + sender.flush(zlib.Z_SYNC_FLUSH)
        client.hear(frame(Opcode.TEXT, payload[:-4], rsv=4))
    assert client.heard == [text("the same again")] * 3
    assert client.detours == 3


def test_compression_that_was_not_agreed_on():
    """Without an agreement, a compressed message breaks the protocol."""
    client = Listening(None)
    client.hear(said("hello"))
    ((code, _),) = client.heard
    assert code == 1002
